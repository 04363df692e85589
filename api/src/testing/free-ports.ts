import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that the kernel gives to outgoing connections, of which one could take a port before whoever asked for it listens. */
const FIRST = 20_000
const COUNT = 10_000

/** Given to nobody else in this process. */
const given = new Set<number>()

/** Loopback ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (listens) await new Promise(resolve => server.close(resolve))
  return listens
}
