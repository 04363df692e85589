import type { SshHost } from './host.ts'

/** Machines we are logged in to, once each: whoever asks again gets the same, or a new login where the connection was lost meanwhile. */
export class Connections {
  readonly #connect: (target: string, jump?: string) => Promise<SshHost>
  readonly #hosts = new Map<string, Promise<SshHost>>()

  constructor(connect: (target: string, jump?: string) => Promise<SshHost>) {
    this.#connect = connect
  }

  /** Through `jump` hosts when given. Rejects as `connect` does, and tries again when asked again. Its close() is not the caller's to call. */
  to(target: string, jump?: string): Promise<SshHost> {
    const key = `${target} ${jump ?? ''}`
    const login = () => this.#connect(target, jump)
    const host = this.#hosts.get(key)?.then(known => (known.isClosed ? login() : known), login) ?? login()
    this.#hosts.set(key, host)
    return host
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const host of await Promise.allSettled(this.#hosts.values())) if (host.status === 'fulfilled') host.value.close()
  }
}
