/** Questions that are not about the cluster go to the resolvers that the host itself uses. */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFile, stat } from 'node:fs/promises'
import { connect, isIP } from 'node:net'
import type { Clock } from '@davit/api'

export interface UpstreamOptions {
  /** Default `/etc/resolv.conf`. */
  readonly file?: string
  /** Our own address, which must not be asked. */
  readonly self: string
  readonly clock: Clock
  /** Default 53; for tests. */
  readonly port?: number
}

const TRY_TIMEOUT_MS = 2_000
const ROUNDS = 2
/** Shorter than the 5 s most programs wait: they should hear of the failure. */
const TOTAL_TIMEOUT_MS = 4_000
/** More than this at once are refused. */
const IN_FLIGHT_MAX = 1_000
const FILE_CHECK_INTERVAL_MS = 5_000

export class Upstream {
  readonly #options: UpstreamOptions
  #servers: readonly string[] = []
  #modifiedAt = -1
  #checkedAt = Number.NEGATIVE_INFINITY
  #inFlight = 0

  constructor(options: UpstreamOptions) {
    this.#options = options
  }

  /** The answer to `query`, under the id that `query` has; undefined when no resolver gave one in time. */
  async ask(query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    if (this.#inFlight >= IN_FLIGHT_MAX) return undefined
    this.#inFlight++
    try {
      const servers = await this.#read()
      const until = this.#options.clock.monotonic() + TOTAL_TIMEOUT_MS
      for (let round = 0; round < ROUNDS; round++) {
        for (const server of servers) {
          if (this.#options.clock.monotonic() >= until) return undefined
          const answer = await (transport === 'udp' ? askUdp : askTcp)(query, server, this.#options.port ?? 53)
          if (answer) return answer
        }
      }
      return undefined
    } finally {
      this.#inFlight--
    }
  }

  async #read(): Promise<readonly string[]> {
    const { file = '/etc/resolv.conf', self, clock } = this.#options
    const now = clock.monotonic()
    if (now - this.#checkedAt < FILE_CHECK_INTERVAL_MS) return this.#servers
    this.#checkedAt = now
    const modifiedAt = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    )
    if (modifiedAt === this.#modifiedAt) return this.#servers
    this.#modifiedAt = modifiedAt
    const text = await readFile(file, 'utf8').catch(() => '')
    this.#servers = nameServers(text).filter(server => server !== self)
    return this.#servers
  }
}

/** The name servers that a resolv.conf names; at most three, as everywhere. */
function nameServers(resolvConf: string): string[] {
  return resolvConf
    .split('\n')
    .flatMap(line => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter(server => isIP(server) !== 0)
    .slice(0, 3)
}

/** A socket for each question: a port nobody can guess, and only that server may answer. */
function askUdp(query: Buffer, server: string, port: number): Promise<Buffer | undefined> {
  return new Promise(resolve => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4')
    const id = randomInt(0x10000)
    const finish = (answer: Buffer | undefined) => {
      clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    const timer = setTimeout(finish, TRY_TIMEOUT_MS, undefined)
    socket.once('error', () => finish(undefined))
    socket.on('message', message => {
      if (isAnswerTo(query, message, id)) finish(withId(message, query.readUInt16BE(0)))
    })
    socket.connect(port, server, () => {
      socket.send(withId(query, id))
    })
  })
}

function askTcp(query: Buffer, server: string, port: number): Promise<Buffer | undefined> {
  return new Promise(resolve => {
    const socket = connect(port, server)
    let received = Buffer.alloc(0)
    const finish = (answer: Buffer | undefined) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(finish, TRY_TIMEOUT_MS, undefined)
    socket.once('error', () => finish(undefined)).once('close', () => finish(undefined))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const message = received.subarray(2, 2 + received.readUInt16BE(0))
      finish(isAnswerTo(query, message, query.readUInt16BE(0)) ? message : undefined)
    })
    socket.write(framed(query))
  })
}

/** With the length in front, as messages go over TCP. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

const HEADER_LENGTH = 12

function isAnswerTo(query: Buffer, message: Buffer, id: number): boolean {
  if (message.length < HEADER_LENGTH || message.readUInt16BE(0) !== id || (message.readUInt8(2) & 0x80) === 0) return false
  // An answer that repeats no question (some errors do) is told by its id and its sender alone.
  if (message.readUInt16BE(4) === 0) return true
  const end = questionEnd(query)
  const asked = query.subarray(HEADER_LENGTH, end).toString('latin1').toLowerCase()
  return message.subarray(HEADER_LENGTH, end).toString('latin1').toLowerCase() === asked
}

/** Where the first question ends: labels, then type and class. */
function questionEnd(query: Buffer): number {
  let at = HEADER_LENGTH
  while (at < query.length && query[at] !== 0) at += (query[at] ?? 0) + 1
  return at + 5
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(id)
  return copy
}
