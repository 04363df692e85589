import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock, Logger } from '@davit/api'
import { parseCidr } from '../ip/index.ts'
import { type Responder, respond } from './respond.ts'
import { framed, Upstream } from './upstream.ts'
import type { Zone } from './zone.ts'

export interface DnsServerOptions {
  readonly zone: Zone
  readonly address: string
  /** Default 53; 0 takes a free one. */
  readonly port?: number
  readonly domain: string
  readonly podCidr: string
  readonly serviceCidr: string
  /** Where the host's own resolvers are named; default `/etc/resolv.conf`. */
  readonly resolvConf?: string
  /** Port of those; for tests. */
  readonly upstreamPort?: number
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface DnsServer {
  /** Undefined until it listens. */
  readonly port: number | undefined
  /** Why it does not answer; undefined when it does. */
  readonly problem: string | undefined
  /** Resolves once it listens. */
  readonly listening: Promise<void>
}

const RETRY_MS = 500
const TCP_CONNECTIONS_MAX = 256
const TCP_IDLE_MS = 10_000

/** Answers DNS over UDP and TCP at `address` until the signal; tries again until it can listen, as the address may come later. */
export function startDnsServer(options: DnsServerOptions): DnsServer {
  const { address, clock, log, signal } = options
  const responder: Responder = {
    zone: options.zone,
    config: { domain: options.domain, podCidr: parseCidr(options.podCidr), serviceCidr: parseCidr(options.serviceCidr) },
    upstream: new Upstream({
      self: address,
      clock,
      ...(options.resolvConf !== undefined && { file: options.resolvConf }),
      ...(options.upstreamPort !== undefined && { port: options.upstreamPort }),
    }),
  }
  let port: number | undefined
  let problem: string | undefined = 'not listening yet'

  const listening = (async () => {
    while (!signal.aborted) {
      try {
        const sockets = await listen(address, options.port ?? 53, responder)
        port = sockets.udp.address().port
        problem = undefined
        log.info({ address, port }, 'Answering DNS')
        signal.addEventListener('abort', () => close(sockets), { once: true })
        return
      } catch (err) {
        const text = `Cannot answer DNS at ${address}: ${err instanceof Error ? err.message : String(err)}`
        if (text !== problem) log.warn({ err }, 'Cannot listen for DNS yet')
        problem = text
        await clock.sleep(RETRY_MS, signal).catch(() => {})
      }
    }
  })()

  return {
    listening,
    get port() {
      return port
    },
    get problem() {
      return problem
    },
  }
}

interface Sockets {
  readonly udp: UdpSocket
  readonly tcp: Server
  readonly connections: Set<Socket>
}

async function listen(address: string, wanted: number, responder: Responder): Promise<Sockets> {
  const udp = createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: 1 << 20 })
  const tcp = createServer()
  const connections = new Set<Socket>()
  try {
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject)
      udp.bind(wanted, address, resolve)
    })
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject)
      tcp.listen(udp.address().port, address, resolve)
    })
  } catch (err) {
    udp.close()
    tcp.close()
    throw err
  }
  // From here on an error concerns one datagram or one connection.
  udp.on('error', () => {})
  tcp.on('error', () => {})
  udp.on('message', (query, from) => {
    void respond(query, 'udp', responder).then(answer => {
      if (answer) udp.send(answer, from.port, from.address, () => {})
    })
  })
  tcp.on('connection', socket => {
    if (connections.size >= TCP_CONNECTIONS_MAX) return void socket.destroy()
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    serve(socket, responder)
  })
  return { udp, tcp, connections }
}

/** Answers the questions of one connection in the order they came. */
function serve(socket: Socket, responder: Responder): void {
  let received = Buffer.alloc(0)
  let last: Promise<void> = Promise.resolve()
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0)
      const query = Buffer.from(received.subarray(2, end))
      received = received.subarray(end)
      socket.pause()
      last = last.then(async () => {
        const answer = await respond(query, 'tcp', responder)
        if (answer && !socket.destroyed) socket.write(framed(answer))
        socket.resume()
      })
    }
  })
}

function close({ udp, tcp, connections }: Sockets): void {
  udp.close()
  tcp.close()
  for (const socket of connections) socket.destroy()
}
