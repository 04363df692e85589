import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** A port of this node that leads to a pod on it. */
export interface HostPort {
  /** Undefined: every address of the node. */
  readonly hostIp?: string | undefined
  readonly hostPort: number
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly podAddress: string
  readonly containerPort: number
}

interface Claim {
  readonly ports: readonly HostPort[]
  readonly close: () => void
}

/**
 * Ports of this node that pods asked for. Each is held by a socket as well, so that no other program takes it and a taken one
 * is found out, though traffic never reaches that socket.
 */
export class HostPorts {
  readonly #claims = new Map<string, Claim>()
  readonly #onChange: (ports: readonly HostPort[]) => void

  constructor(onChange: (ports: readonly HostPort[]) => void) {
    this.#onChange = onChange
  }

  /** Takes all of a pod's ports, in place of those it had. Throws, and takes none, when one is in use. */
  async claim(podUid: string, ports: readonly HostPort[]): Promise<void> {
    this.release(podUid)
    const closers: (() => void)[] = []
    const close = () => {
      for (const closer of closers) closer()
    }
    try {
      for (const port of ports) closers.push(await reserve(port))
    } catch (err) {
      close()
      throw err
    }
    this.#claims.set(podUid, { ports, close })
    this.#tell()
  }

  /** Gives a pod's ports back; nothing when it has none. */
  release(podUid: string): void {
    const claim = this.#claims.get(podUid)
    if (!claim) return
    this.#claims.delete(podUid)
    claim.close()
    this.#tell()
  }

  /** Gives all back. */
  close(): void {
    for (const { close } of this.#claims.values()) close()
    this.#claims.clear()
  }

  #tell(): void {
    this.#onChange([...this.#claims.values()].flatMap(({ ports }) => ports))
  }
}

/** Rules of the chain that this node's own addresses lead to. Pure. */
export function renderHostPorts(ports: readonly HostPort[]): string[] {
  return ports
    .map(({ hostIp, hostPort, protocol, podAddress, containerPort }) => {
      const destination = hostIp === undefined || hostIp === '0.0.0.0' ? '' : `-d ${hostIp}/32 `
      const lower = protocol.toLowerCase()
      return `${destination}-p ${lower} -m ${lower} --dport ${hostPort} -j DNAT --to-destination ${podAddress}:${containerPort}`
    })
    .sort()
}

/** Resolves with what ends the reservation. SCTP, which Node cannot speak, is not reserved. */
async function reserve({ protocol, hostIp = '0.0.0.0', hostPort }: HostPort): Promise<() => void> {
  const say = (cause: unknown) => new Error(`Cannot take host port ${hostIp}:${hostPort}/${protocol}: another program has it`, { cause })
  if (protocol === 'SCTP') return () => {}
  if (protocol === 'UDP') {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', err => reject(say(err)))
      socket.bind({ port: hostPort, address: hostIp, exclusive: true }, resolve)
    })
    return () => socket.close()
  }
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', err => reject(say(err)))
    server.listen({ port: hostPort, host: hostIp, exclusive: true }, resolve)
  })
  return () => server.close()
}
