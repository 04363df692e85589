/**
 * Asks peers for a sign of life along one path: a datagram to an address that lies on it, which the peer's agent sends back.
 * Kernel rules (`probeRules`) send these datagrams and their answers along their path whatever routes other traffic takes.
 */
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import type { Clock } from '@davit/api'

/** UDP port of probes, on the pod network's addresses of each node only. */
export const PROBE_PORT = 4788

const TRIES = 3
const TRY_TIMEOUT_MS = 300
const QUESTION = 'Q'
const ANSWER = 'A'
const NONCE_LENGTH = 12

export class Prober {
  readonly #clock: Clock
  readonly #sockets = new Map<string, Socket>()
  readonly #waiting = new Map<string, () => void>()
  readonly #port: number

  constructor(clock: Clock, port: number = PROBE_PORT) {
    this.#clock = clock
    this.#port = port
  }

  /** Answers probes to `address`, and can send from it. Once listening it stays so. */
  async listen(address: string): Promise<void> {
    if (this.#sockets.has(address)) return
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(this.#port, address, resolve)
    })
    socket.removeAllListeners('error').on('error', () => {})
    socket.unref()
    socket.on('message', (message, from) => {
      const nonce = message.toString('latin1', 1)
      if (message.length !== NONCE_LENGTH + 1) return
      if (message.toString('latin1', 0, 1) === QUESTION) socket.send(`${ANSWER}${nonce}`, from.port, from.address, () => {})
      else this.#waiting.get(nonce)?.()
    })
    this.#sockets.set(address, socket)
  }

  /** Whether `target` answers what is sent from `source`. */
  async reaches(source: string, target: string, signal: AbortSignal): Promise<boolean> {
    const socket = this.#sockets.get(source)
    if (!socket) return false
    const nonce = randomBytes(NONCE_LENGTH / 2).toString('hex')
    const done = new AbortController()
    const either = AbortSignal.any([signal, done.signal])
    let answered = false
    this.#waiting.set(nonce, () => {
      answered = true
      done.abort()
    })
    try {
      for (let attempt = 0; attempt < TRIES && !either.aborted; attempt++) {
        socket.send(`${QUESTION}${nonce}`, this.#port, target, () => {})
        await this.#clock.sleep(TRY_TIMEOUT_MS, either).catch(() => {})
      }
      return answered
    } finally {
      this.#waiting.delete(nonce)
    }
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }
}
