/** What is remembered beside the data: which process runs on it and where it listens. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'

const stateSchema = z.object({ pid: z.number().int().positive().optional(), clientPort: z.number().int(), peerPort: z.number().int() })
export type EtcdState = z.infer<typeof stateSchema>

/** Below the range that outgoing connections take ports from, and below Services' node ports. */
const PORT_MIN = 22_000
const PORT_MAX = 29_999
const TRIES_MAX = 200

/** Undefined when there is none, or none that makes sense. */
export async function readState(directory: string): Promise<EtcdState | undefined> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(join(directory, 'etcd.json'), 'utf8')))
  } catch {
    return undefined
  }
}

/** Replaces it as a whole. */
export async function writeState(directory: string, state: EtcdState): Promise<void> {
  const temporary = join(directory, 'etcd.json.new')
  await writeFile(temporary, `${JSON.stringify(state)}\n`, { mode: 0o600 })
  await rename(temporary, join(directory, 'etcd.json'))
}

/** The same ports as last time when they are free, otherwise new ones. */
export async function choosePorts(last: EtcdState | undefined): Promise<{ clientPort: number; peerPort: number }> {
  if (last && (await isFree(last.clientPort)) && (await isFree(last.peerPort)))
    return { clientPort: last.clientPort, peerPort: last.peerPort }
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const clientPort = PORT_MIN + 2 * Math.floor((Math.random() * (PORT_MAX - PORT_MIN)) / 2)
    if ((await isFree(clientPort)) && (await isFree(clientPort + 1))) return { clientPort, peerPort: clientPort + 1 }
  }
  throw new Error(`Cannot find two free ports between ${PORT_MIN} and ${PORT_MAX} on 127.0.0.1`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
