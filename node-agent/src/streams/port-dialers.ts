/** Opens connections inside pods' network namespaces, with one helper process a namespace for as long as it is in use. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readlink } from 'node:fs/promises'
import type { Socket } from 'node:net'
import type { Clock, Logger } from '@davit/api'
import { ownProgram } from '../own-program.ts'
import { type DialAnswer, open } from '../port-dialer.ts'

const IDLE_MS = 10_000
const DIAL_MS_MAX = 10_000

export interface PortDialers {
  /** A connection to a port as the process sees it on its own loopback. Rejects in words for the user. */
  connect(pid: number, port: number): Promise<Socket>
}

export interface PortDialersOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

interface Pending {
  resolve(socket: Socket): void
  reject(err: Error): void
}

export function startPortDialers({ clock, log, signal }: PortDialersOptions): PortDialers {
  const helpers = new Map<string, Helper>()
  return {
    async connect(pid, port) {
      const namespace = await readlink(`/proc/${pid}/ns/net`)
      if (namespace === (await readlink('/proc/self/ns/net'))) return open('127.0.0.1', port)
      let helper = helpers.get(namespace)
      if (!helper) {
        helper = new Helper(pid, { clock, log, signal })
        helpers.set(namespace, helper)
        void helper.ended.then(() => helpers.delete(namespace))
      }
      return helper.connect(port)
    },
  }
}

class Helper {
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #idle = new AbortController()
  #error = ''

  constructor(pid: number, { clock, log, signal }: PortDialersOptions) {
    this.#clock = clock
    const args = [`--net=/proc/${pid}/ns/net`, ...ownProgram('port-dialer')]
    const child = spawn('nsenter', args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child = child
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#error = (this.#error + chunk.toString()).slice(-1000)
    })
    child.on('message', (message, socket) => this.#answered(message as DialAnswer, socket as Socket | undefined))
    const stop = () => child.kill('SIGKILL')
    signal.addEventListener('abort', stop, { once: true })
    this.ended = new Promise(resolve => {
      const end = (why: string) => {
        signal.removeEventListener('abort', stop)
        this.#idle.abort()
        for (const { reject } of this.#pending.values()) reject(new Error(why))
        if (this.#pending.size > 0) log.warn({ why, stderr: this.#error }, 'The helper for port-forward ended while it was needed')
        this.#pending.clear()
        resolve()
      }
      child.once('error', err => end(`Cannot run nsenter: ${err.message}`))
      child.once('exit', code => end(`The helper in the pod's network ended with code ${code}`))
    })
    this.#rest()
  }

  async connect(port: number): Promise<Socket> {
    this.#idle.abort()
    const id = ++this.#lastId
    const deadline = new AbortController()
    try {
      return await new Promise<Socket>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        this.#clock.sleep(DIAL_MS_MAX, deadline.signal).then(
          () => reject(new Error(`connect to port ${port}: no answer within ${DIAL_MS_MAX / 1000} s`)),
          () => {},
        )
        this.#child.send({ id, port }, err => err && reject(err))
      })
    } finally {
      deadline.abort()
      this.#pending.delete(id)
      if (this.#pending.size === 0) this.#rest()
    }
  }

  #answered({ id, error }: DialAnswer, socket: Socket | undefined): void {
    const pending = this.#pending.get(id)
    if (!pending) return void socket?.destroy()
    if (!socket) {
      pending.reject(new Error(error ?? 'The helper sent no socket'))
      return
    }
    // Node makes it anew on this side, with its own defaults.
    socket.allowHalfOpen = true
    pending.resolve(socket)
  }

  /** A helper holds the namespace and 40 MB, so an idle one goes. */
  #rest(): void {
    const idle = new AbortController()
    this.#idle = idle
    this.#clock.sleep(IDLE_MS, idle.signal).then(
      () => this.#child.connected && this.#child.disconnect(),
      () => {},
    )
  }
}
