import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Below those that the kernel gives to outgoing connections, of which one could take a port before whoever asked for it listens. */
const FIRST = 20_000
const COUNT = 10_000
/** A process has so many for itself: it listens at the first of them as long as it lives. */
const BLOCK = 50

let block = { next: 0, end: 0 }

/** Loopback ports that were free a moment ago, and that no other process gets from here. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    if (block.next === block.end) block = await takeBlock()
    const port = block.next++
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function takeBlock(): Promise<typeof block> {
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (COUNT / BLOCK)) * BLOCK
    const guard = await listenAt(first)
    guard?.unref()
    if (guard) return { next: first + 1, end: first + BLOCK }
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = await listenAt(port)
  if (server) await new Promise(resolve => server.close(resolve))
  return server !== undefined
}

async function listenAt(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1')
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  )
}
