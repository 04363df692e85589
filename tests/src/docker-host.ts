/** One Docker host for the tests of rooms that work on Docker: they run inside its network namespace, as an agent does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, ensureHostBridge, type HostNetwork, removeHost, removeHostBridge, startHost } from '@davit/deploy'
import { makeNginxImages, makeShellImages } from './images.ts'

const NETWORK: HostNetwork = { prefix: 'davit-room-', bridge: 'davit-room', subnet: '10.202.0' }

/** Calls `work` with the host's namespace and socket; the host, with images to use on it, lives as long as that takes. */
export async function withDockerHost<R>(work: (host: { networkNamespace: string; socket: string }) => Promise<R>): Promise<R> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-room-'))
  const options = { network: NETWORK, dir, logs: join(dir, 'logs'), run: join(dir, 'run') }
  await ensureHostBridge(NETWORK)
  const host = await startHost(1, options)
  try {
    const archives = [...(await makeNginxImages(['nginx:1.25'], dir)), ...(await makeShellImages(dir))]
    for (const archive of archives) await command('docker', ['-H', `unix://${host.socket}`, 'load', '-q', '-i', archive])
    return await work(host)
  } finally {
    await removeHost(host, { ...options, purge: true })
    await removeHostBridge(NETWORK)
    await rm(dir, { recursive: true, force: true })
  }
}
