/**
 * A program: keeps an agent running as an init system does, and gives each start the environment that a test has queued for it.
 * Arguments: a folder for the queue and the record of starts, then the agent's program with its arguments.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AgentStart, Environment } from './agent.ts'

const RESTART_DELAY_MS = 100

const [dir = '', file = '', ...args] = process.argv.slice(2)
let agent: ChildProcess | undefined
let stopping = false
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    stopping = true
    agent?.kill('SIGTERM')
  })
}

function read<T>(name: string, otherwise: T): T {
  try {
    return JSON.parse(readFileSync(join(dir, name), 'utf8')) as T
  } catch {
    return otherwise
  }
}

function nextEnvironment(): Environment {
  const [first = {}, ...rest] = read<Environment[]>('queue.json', [])
  writeFileSync(join(dir, 'queue.json.new'), JSON.stringify(rest))
  renameSync(join(dir, 'queue.json.new'), join(dir, 'queue.json'))
  return first
}

while (!stopping) {
  const env = { ...read<Environment>('env.json', {}), ...nextEnvironment() }
  const started = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  agent = started
  const ended = new Promise(resolve => started.once('exit', resolve))
  appendFileSync(join(dir, 'starts'), `${JSON.stringify({ pid: started.pid ?? 0, env } satisfies AgentStart)}\n`)
  await ended
  if (!stopping) await delay(RESTART_DELAY_MS)
}
