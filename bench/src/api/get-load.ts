/** Many GETs of one path over TLS, from a client so spare that the server is what limits them. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { processorSeconds } from '../usage.ts'
import type { Target } from './contenders.ts'

export type Protocol = 'HTTP/1.1' | 'HTTP/2'

/** A server and what is asked of it. */
export type GetTarget = Target & { readonly path: string }

export interface GetRate {
  perSecond: number
  /** What the server would answer with one core all to itself: comparable also when the machine is busy. */
  perProcessorSecond: number
}

const CONNECTIONS = 16
/** On one HTTP/2 connection. */
const STREAMS = 16
const SESSIONS = 2
const WARM_UP_MS = 1_500
const MEASURE_MS = 3_000

/** Asks as fast as answers come, after a warm-up. Throws when an answer is not 200. */
export async function measureGets(target: GetTarget, protocol: Protocol, signal: AbortSignal): Promise<GetRate> {
  const counter = { answers: 0 }
  const stop = protocol === 'HTTP/1.1' ? await askHttp1(target, counter) : await askHttp2(target, counter)
  try {
    await Promise.race([stop.failed, delay(WARM_UP_MS, undefined, { signal })])
    const [answersBefore, processorBefore] = [counter.answers, await processorSeconds(target.pid)]
    const began = performance.now()
    await Promise.race([stop.failed, delay(MEASURE_MS, undefined, { signal })])
    const elapsed = (performance.now() - began) / 1000
    const answers = counter.answers - answersBefore
    return { perSecond: answers / elapsed, perProcessorSecond: answers / ((await processorSeconds(target.pid)) - processorBefore) }
  } finally {
    stop.now()
  }
}

interface Counter {
  answers: number
}

interface Stop {
  now(): void
  /** Rejects when the load cannot go on; never resolves. */
  failed: Promise<never>
}

function stoppable(close: () => void): { stop: Stop; fail: (error: Error) => void } {
  let ended = false
  let reject: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, refuse) => {
    reject = refuse
  })
  failed.catch(() => {})
  const now = () => {
    ended = true
    close()
  }
  return { stop: { now, failed }, fail: error => void (ended || reject(error)) }
}

async function askHttp1(target: GetTarget, counter: Counter): Promise<Stop> {
  const { port, path, certificateAuthority: ca, identity } = target
  const sockets: TLSSocket[] = []
  const { stop, fail } = stoppable(() => sockets.map(socket => socket.destroy()))
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: application/json\r\n\r\n`)
  for (let index = 0; index < CONNECTIONS; index++) {
    const socket = connectTls({ host: '127.0.0.1', port, ca, key: identity, cert: identity, ALPNProtocols: ['http/1.1'] })
    sockets.push(socket)
    await once(socket, 'secureConnect')
    socket.setNoDelay()
    const answer = new AnswerReader()
    socket.on('error', fail)
    socket.once('close', () => fail(new Error('The server closed a connection')))
    socket.on('data', (chunk: Buffer) => {
      try {
        if (!answer.take(chunk)) return
        counter.answers++
        socket.write(request)
      } catch (error) {
        fail(error as Error)
      }
    })
    socket.write(request)
  }
  return stop
}

/** Finds the end of each of a row of answers. All are of one length, so only the first is parsed. */
class AnswerReader {
  #length: number | undefined
  #received = 0
  #head = Buffer.alloc(0)

  /** True when this chunk ends an answer. */
  take(chunk: Buffer): boolean {
    if (this.#received === 0 && chunk.toString('latin1', 0, 12) !== 'HTTP/1.1 200') {
      throw new Error(`Wanted 200, got "${chunk.toString('latin1', 0, 200)}"`)
    }
    this.#received += chunk.length
    if (this.#length === undefined) {
      this.#head = Buffer.concat([this.#head, chunk])
      const end = this.#head.indexOf('\r\n\r\n')
      if (end < 0) return false
      const length = /\r\ncontent-length: (\d+)/i.exec(this.#head.toString('latin1', 0, end))?.[1]
      if (length === undefined) throw new Error('Wanted an answer with a content-length')
      this.#length = end + 4 + Number(length)
    }
    if (this.#received < this.#length) return false
    if (this.#received > this.#length) throw new Error(`Wanted an answer of ${this.#length} bytes, got ${this.#received}`)
    this.#received = 0
    return true
  }
}

async function askHttp2(target: GetTarget, counter: Counter): Promise<Stop> {
  const { port, path, certificateAuthority: ca, identity } = target
  const sessions: ClientHttp2Session[] = []
  const { stop, fail } = stoppable(() => sessions.map(session => session.destroy()))
  const ask = (session: ClientHttp2Session) => {
    if (session.destroyed) return
    const stream = session.request({ ':path': path, accept: 'application/json' })
    stream.once('response', ({ ':status': status }) => status === 200 || fail(new Error(`Wanted 200, got ${status}`)))
    stream.on('error', fail)
    stream.once('end', () => {
      counter.answers++
      ask(session)
    })
    stream.resume()
  }
  for (let index = 0; index < SESSIONS; index++) {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, key: identity, cert: identity })
    sessions.push(session)
    session.on('error', fail)
    await once(session, 'connect')
    for (let stream = 0; stream < STREAMS; stream++) ask(session)
  }
  return stop
}
