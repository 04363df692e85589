import { access, unlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Logger } from '@davit/api'
import { type DnsServer, startDnsServer, Zone } from '../dns/index.ts'
import { type DnsSettings, PROTOCOL, readLines, type ToDataPlane, writeLine } from './protocol.ts'

export interface RunDataPlaneOptions {
  /** Unix socket to be told things on. */
  readonly socketPath: string
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

const ORPHAN_CHECK_INTERVAL_MS = 2_000
const REPORT_INTERVAL_MS = 1_000

/**
 * Serves users' traffic by what an agent tells it, and goes on by what it was last told when the agent is away. Resolves when
 * it is told to stop, or its socket is gone: then nobody can reach it any more. Throws when another one listens there.
 */
export async function runDataPlane({ socketPath, log, clock, signal }: RunDataPlaneOptions): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const zone = new Zone()
  let dns: { settings: DnsSettings; server: DnsServer; stop: AbortController } | undefined
  let agent: Socket | undefined

  function configure(settings: DnsSettings): void {
    if (dns && isDeepStrictEqual(dns.settings, settings)) return
    dns?.stop.abort()
    const own = new AbortController()
    dns = { settings, server: startDnsServer({ ...settings, zone, log, clock, signal: AbortSignal.any([either, own.signal]) }), stop: own }
  }

  function handle(message: ToDataPlane, socket: Socket): void {
    switch (message.type) {
      case 'configure':
        configure(message.dns)
        break
      case 'replace':
        zone.clear()
        for (const [key, service] of Object.entries(message.services)) zone.set(key, service)
        writeLine(socket, { type: 'applied', version: message.version })
        break
      case 'update':
        for (const [key, service] of Object.entries(message.set)) zone.set(key, service)
        for (const key of message.remove) zone.set(key, undefined)
        writeLine(socket, { type: 'applied', version: message.version })
        break
      case 'stop':
        log.info({}, 'Told to stop')
        stop.abort()
        break
      default:
        // A newer agent's word: it has seen our protocol number and replaces us if it minds.
        message satisfies never
    }
  }

  const server = createServer(socket => {
    // The newest agent is the one that runs.
    agent?.destroy()
    agent = socket
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (agent === socket) agent = undefined
    })
    writeLine(socket, { type: 'hello', protocol: PROTOCOL, pid: process.pid })
    readLines<ToDataPlane>(socket, message => handle(message, socket))
  })
  await listenAt(server, socketPath)
  await writeFile(`${socketPath}.pid`, `${process.pid}\n`)
  log.info({ socketPath, pid: process.pid }, 'The data plane has started')

  let reported: string | undefined
  let sinceCheckMs = 0
  while (!either.aborted) {
    await clock.sleep(REPORT_INTERVAL_MS, either).catch(() => {})
    const problem = dns?.server.problem
    if (agent && problem !== reported) {
      writeLine(agent, problem === undefined ? { type: 'problem' } : { type: 'problem', problem })
      reported = problem
    }
    if (!agent) reported = undefined
    sinceCheckMs += REPORT_INTERVAL_MS
    if (sinceCheckMs < ORPHAN_CHECK_INTERVAL_MS) continue
    sinceCheckMs = 0
    if (!(await exists(socketPath))) {
      log.info({ socketPath }, 'The socket is gone; stopping')
      stop.abort()
    }
  }
  agent?.destroy()
  server.close()
  await unlink(`${socketPath}.pid`).catch(() => {})
}

/** Takes the place of a socket that nobody listens on any more. */
async function listenAt(server: ReturnType<typeof createServer>, path: string): Promise<void> {
  if (await answers(path)) throw new Error(`Cannot start the data plane: another one listens on "${path}"`)
  await unlink(path).catch(() => {})
  const umask = process.umask(0o077)
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  } finally {
    process.umask(umask)
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
