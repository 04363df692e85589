/** Docker hosts of a bench's own, apart from any cluster on this machine, and their removal however the bench ends. */
import { access, chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bringDown,
  command,
  type DockerHost,
  describeHost,
  ensureHostBridge,
  type Home,
  type HostNetwork,
  homeAt,
  makeBusyboxRoot,
  makeImageArchive,
  removeHost,
  removeHostBridge,
  startHost,
  stopAgent,
} from '@davit/deploy'
import { IMAGE, removeContainers } from './containers.ts'
import { progress } from './report.ts'

export const NETWORK: HostNetwork = { prefix: 'bench-', bridge: 'bench-hosts', subnet: '10.203.0' }
/** Swarm refuses a Docker with live-restore, and all three contenders must run on the same. */
export const DOCKERD_ARGS: readonly string[] = ['--live-restore=false']
const HOME_PREFIX = 'davit-bench-'
/** The most hosts a bench makes. */
const HOSTS_MAX = 9

export interface Lab {
  readonly home: Home
  readonly hosts: readonly DockerHost[]
}

/** Runs `work` with `count` fresh Docker hosts that hold `IMAGE`, and takes away everything of them whatever happens. */
export async function withLab<T>(count: number, work: (lab: Lab) => Promise<T>): Promise<T> {
  const unlock = await lock()
  // With the lock held, what is found now was left by a bench that was killed.
  for (const name of await readdir(tmpdir())) if (name.startsWith(HOME_PREFIX)) await remove(homeAt(join(tmpdir(), name)))
  const home = homeAt(await mkdtemp(join(tmpdir(), HOME_PREFIX)))
  // Swarm would ask a registry for every task, and there may be none: it is to start from the image that is there, as the others do.
  process.env.DOCKER_SERVICE_PREFER_OFFLINE_IMAGE = '1'
  try {
    return await work({ home, hosts: count > 0 ? await startHosts(count, home) : [] })
  } finally {
    progress('Cleaning up')
    await remove(home)
    unlock()
  }
}

async function startHosts(count: number, home: Home): Promise<DockerHost[]> {
  progress(`Starting ${count} Docker hosts`)
  await ensureHostBridge(NETWORK)
  const options = { network: NETWORK, dir: home.hosts, logs: home.logs, run: home.run, dockerdArgs: DOCKERD_ARGS }
  const hosts = await Promise.all(Array.from({ length: count }, (_, index) => startHost(index + 1, options)))
  const archive = await makeImage(home)
  await Promise.all(hosts.map(host => command('docker', ['-H', `unix://${host.socket}`, 'load', '--quiet', '--input', archive])))
  return hosts
}

async function makeImage(home: Home): Promise<string> {
  const root = await makeBusyboxRoot()
  try {
    const program = join(root, 'bin/rest')
    await writeFile(program, `#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 86400 & wait $!; done\n`)
    await chmod(program, 0o755)
    return await makeImageArchive(root, IMAGE, { Cmd: ['/bin/rest'], Env: ['PATH=/bin'] }, home.dir)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function remove(home: Home): Promise<void> {
  const complain = (error: unknown) => progress(`Cleaning up: ${(error as Error).message}`)
  const options = { network: NETWORK, dir: home.hosts, logs: home.logs, run: home.run, purge: true }
  const namespaces = (await command('ip', ['netns', 'list'])).stdout.split('\n').map(line => line.split(' ')[0])
  const all = Array.from({ length: HOSTS_MAX }, (_, index) => describeHost(index + 1, options))
  for (const host of all.filter(({ networkNamespace }) => namespaces.includes(networkNamespace))) {
    // Else it would start again what is removed next.
    await stopAgent(home, host.name)
    // A killed container leaves its cgroups behind, a removed one does not.
    if (await exists(host.socket)) await removeContainers(host).catch(complain)
    await removeHost(host, options).catch(complain)
  }
  await removeHostBridge(NETWORK).catch(complain)
  await bringDown({ home, purge: true }).catch(complain)
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** One bench at a time on a machine: an abstract Unix socket is free again the moment its process ends. */
function lock(): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', () => reject(new Error('Cannot start: another bench runs on this machine')))
    server.listen('\0davit-bench', () => {
      server.unref()
      resolve(() => server.close())
    })
  })
}
