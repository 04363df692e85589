import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock, Logger } from '@davit/api'
import { type DnsService, dnsService } from '../dns/index.ts'
import { ownProgram } from '../own-program.ts'
import type { ServiceSink } from '../proxy/index.ts'
import { type DnsSettings, type FromDataPlane, PROTOCOL, readLines, writeLine } from './protocol.ts'

export interface DataPlaneOptions {
  /** Holds its socket, pid file and log; made when missing. */
  readonly directory: string
  readonly dns: DnsSettings
  /** How to start it: program and arguments, to which `--socket PATH` is added. Default: this program itself. */
  readonly command?: readonly string[]
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface DataPlane extends ServiceSink {
  /** Why it does not serve; undefined when it does. */
  readonly problem: string | undefined
  /** Ends the process too, rather than leave it serving without an agent. */
  shutDown(): Promise<void>
  /** Settles once nothing of the agent's side runs any more, after the signal. The process lives on. */
  readonly stopped: Promise<void>
}

const CONNECT_INTERVAL_MS = 50
const CONNECT_TIMEOUT_MS = 10_000
const HELLO_TIMEOUT_MS = 2_000
const RESTART_DELAY_MS = 500

/** Finds the data plane that an earlier agent left, or starts one; keeps it running and up to date. Returns at once. */
export function startDataPlane({ directory, dns, command, log, clock, signal }: DataPlaneOptions): DataPlane {
  const socketPath = join(directory, 'data-plane.sock')
  const services = new Map<string, { value: DnsService; text: string }>()
  const changed = new Set<string>()
  const waiting = new Set<{ version: number; resolve: () => void }>()
  let version = 0
  let applied = 0
  let link: Socket | undefined
  let problem: string | undefined = 'The data plane has not started yet'
  let stopping = false

  const onMessage = (message: FromDataPlane) => {
    if (message.type === 'problem') {
      if (message.problem !== problem)
        log.warn({ problem: message.problem }, message.problem ? 'The data plane has a problem' : 'The data plane is well')
      problem = message.problem
    }
    if (message.type !== 'applied') return
    applied = message.version
    for (const waiter of waiting) {
      if (waiter.version > applied) continue
      waiting.delete(waiter)
      waiter.resolve()
    }
  }

  function sendAll(socket: Socket): void {
    version++
    changed.clear()
    writeLine(socket, { type: 'configure', dns })
    writeLine(socket, { type: 'replace', version, services: Object.fromEntries([...services].map(([key, { value }]) => [key, value])) })
  }

  /** Serves one connection to its end. */
  async function serve(socket: Socket): Promise<void> {
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    const hello = new Promise<FromDataPlane>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`No word from the data plane in ${HELLO_TIMEOUT_MS} ms`)), HELLO_TIMEOUT_MS)
      readLines<FromDataPlane>(socket, message => {
        clearTimeout(timer)
        if (message.type === 'hello') resolve(message)
        else onMessage(message)
      })
      void closed.then(() => {
        clearTimeout(timer)
        reject(new Error('The data plane closed the connection'))
      })
    })
    try {
      const greeting = await hello
      if (greeting.type === 'hello' && greeting.protocol !== PROTOCOL) {
        log.info({ ...greeting }, 'Replacing a data plane that speaks another protocol')
        writeLine(socket, { type: 'stop' })
        await closed
        return
      }
      problem = undefined
      link = socket
      sendAll(socket)
      log.info({ ...greeting }, 'Connected to the data plane')
      await closed
    } finally {
      link = undefined
      socket.destroy()
    }
  }

  async function run(): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    while (!signal.aborted && !stopping) {
      try {
        const socket = (await dial(socketPath)) ?? (await start())
        const close = () => socket.destroy()
        signal.addEventListener('abort', close, { once: true })
        await serve(socket).finally(() => signal.removeEventListener('abort', close))
        if (signal.aborted || stopping) return
        problem = 'The data plane has ended'
        log.warn({}, 'The data plane has ended; starting it again')
      } catch (err) {
        if (signal.aborted) return
        problem = err instanceof Error ? err.message : String(err)
        log.error({ err }, 'Cannot use the data plane')
      }
      await clock.sleep(RESTART_DELAY_MS, signal).catch(() => {})
    }
  }

  async function start(): Promise<Socket> {
    const [program, ...args] = command ?? ownProgram('data-plane')
    const logFile = openSync(join(directory, 'data-plane.log'), 'a', 0o600)
    const child = spawn(program ?? process.execPath, [...args, '--socket', socketPath], {
      detached: true,
      stdio: ['ignore', logFile, logFile],
    })
    closeSync(logFile)
    let failure: Error | undefined
    child.once('error', err => {
      failure = err
    })
    child.once('exit', code => {
      failure = new Error(`The data plane exited with ${code}; see ${join(directory, 'data-plane.log')}`)
    })
    child.unref()
    const until = clock.monotonic() + CONNECT_TIMEOUT_MS
    while (clock.monotonic() < until) {
      await clock.sleep(CONNECT_INTERVAL_MS, signal)
      if (failure) throw failure
      const socket = await dial(socketPath)
      if (socket) return socket
    }
    throw new Error(`The data plane does not answer on "${socketPath}" after ${CONNECT_TIMEOUT_MS} ms`)
  }

  const stopped = run()
  return {
    stopped,
    get problem() {
      return problem
    },
    serviceChanged(key, service, slices) {
      const value = service && dnsService(service, slices)
      const text = value && JSON.stringify(value)
      // Most changes (endpoints of a ClusterIP) touch no name.
      if (text === services.get(key)?.text) return
      if (value && text !== undefined) services.set(key, { value, text })
      else services.delete(key)
      changed.add(key)
    },
    async flush(waitSignal) {
      if (changed.size > 0 && link) {
        version++
        const set = Object.fromEntries(
          [...changed].flatMap(key => services.get(key)?.value ?? []).map(value => [`${value.namespace}/${value.name}`, value]),
        )
        writeLine(link, { type: 'update', version, set, remove: [...changed].filter(key => !services.has(key)) })
        changed.clear()
      }
      // One that is not there sends nobody anywhere; it hears all when it comes.
      if (!link || applied >= version) return
      await new Promise<void>(resolve => {
        const waiter = { version, resolve: done }
        const closing = link
        function done() {
          waiting.delete(waiter)
          waitSignal.removeEventListener('abort', done)
          closing?.removeListener('close', done)
          resolve()
        }
        waiting.add(waiter)
        waitSignal.addEventListener('abort', done, { once: true })
        closing?.once('close', done)
      })
    },
    async shutDown() {
      stopping = true
      const socket = link ?? (await dial(socketPath))
      if (!socket) return
      const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
      // What is not read holds back the end, and with it 'close'.
      socket.resume()
      writeLine(socket, { type: 'stop' })
      await closed
    },
  }
}

/** Ends the data plane of `directory`, if there is one; for cleaning up without an agent. */
export async function stopDataPlane(directory: string): Promise<void> {
  await tellToStop(await dial(join(directory, 'data-plane.sock')))
}

async function tellToStop(socket: Socket | undefined): Promise<void> {
  if (!socket) return
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  writeLine(socket, { type: 'stop' })
  // What it says goes nowhere, but has to be read for the end to be seen.
  socket.resume()
  await closed
}

/** Undefined when nobody listens. */
function dial(path: string): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}
