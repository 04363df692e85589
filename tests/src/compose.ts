/** Clusters as `davit init` and docker-compose make them, on machines of the testbed. */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DAVIT_VERSION } from '@davit/api'
import { type CommandResult, command } from '@davit/deploy'
import { loadImages, type Machine } from './machines/index.ts'
import { scratchFile } from './machines/scratch.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLI = join(ROOT, 'cli/dist/main.js')
/** Where a cluster's folder lies on its machine. */
const FOLDER = '/srv/davit'
/** Who copied it there. */
const USER = '1000:1000'

const built = new Map<string, Promise<string>>()

/** The archive of the control plane's image of a version, built from our Dockerfile by `machine`'s Docker at its first call in this process. */
function controlPlaneArchive(machine: Machine, version: string): Promise<string> {
  const archive = built.get(version) ?? buildControlPlane(machine, version)
  built.set(version, archive)
  return archive
}

async function buildControlPlane(machine: Machine, version: string): Promise<string> {
  await command('npm', ['run', '--silent', 'package', '--', '--only', 'control-plane', '--version', version], { timeoutMs: 300_000 })
  await loadImages(machine, ['node:22-alpine'])
  const image = `davit/control-plane:${version}`
  const dockerfile = join(ROOT, 'deploy/docker/control-plane.Dockerfile')
  await machine.docker(['build', '-q', '-t', image, '-f', dockerfile, join(ROOT, 'out/control-plane')], { timeoutMs: 180_000 })
  const archive = await scratchFile(`control-plane-${version}.tar`)
  await machine.docker(['save', '-o', archive, image], { timeoutMs: 60_000 })
  return archive
}

/** Loads the control plane's image of a version. */
export async function loadControlPlane(machine: Machine, version: string = DAVIT_VERSION): Promise<void> {
  const archive = await controlPlaneArchive(machine, version)
  await machine.docker(['load', '-q', '-i', archive], { timeoutMs: 60_000 })
}

/** Loads what a control plane's compose project runs. */
export async function loadComposeImages(machine: Machine): Promise<void> {
  await loadControlPlane(machine)
  await loadImages(machine, ['quay.io/coreos/etcd:v3.5.21', 'haproxy:3.0-alpine'])
}

/** Runs `davit init` as a user would, and then allows for Docker here, which may not raise limits. */
export async function init(dir: string, args: readonly string[]): Promise<CommandResult> {
  const result = await command(process.execPath, [CLI, 'init', dir, ...args])
  const files = (await readdir(dir, { recursive: true })).filter(path => basename(path) === '.env')
  for (const file of files) {
    const text = await readFile(join(dir, file), 'utf8')
    await writeFile(join(dir, file), text.replace(/^OPEN_FILES=.*$/m, 'OPEN_FILES=16384').replace(/^OOM_SCORE_ADJ=.*$/m, 'OOM_SCORE_ADJ=0'))
  }
  return result
}

/** Copies a folder that `davit init` made onto its machine, as an unprivileged user there would; `without` stays behind. */
export async function copyFolder(machine: Machine, from: string, without: readonly string[] = []): Promise<void> {
  const to = machine.path(FOLDER)
  const script = 'to=$1 from=$2; shift 2; mkdir -p "$to" && tar -C "$from" "$@" -cf - . | tar -C "$to" -xf -'
  await command('sh', ['-c', script, 'sh', to, from, ...['secrets', ...without].map(name => `--exclude=./${name}`)])
  if (without.length === 0) await command('chown', ['-R', USER, to])
}

/** Runs docker-compose in the machine's folder. Throws with the containers' last words when it fails. */
export async function compose(machine: Machine, ...args: readonly string[]): Promise<CommandResult> {
  const run = (text: string) => machine.exec(`cd ${FOLDER} && docker-compose ${text} 2>&1`, { timeoutMs: 180_000 })
  try {
    return await run(args.join(' '))
  } catch (cause) {
    const { stdout } = await run('logs --no-color --tail=5')
    throw new Error(`${(cause as Error).message}\n${stdout}`, { cause })
  }
}

/** Names of the containers that should always run. */
export async function longRunning(machine: Machine): Promise<string[]> {
  const { stdout } = await machine.docker(['ps', '--format', '{{.Names}}'])
  return stdout.split('\n').filter(Boolean).sort()
}

/** Throws, naming them, while any of the machine's containers (or only of those whose names begin so) is not known to be healthy. */
export async function assertHealthy(machine: Machine, name = ''): Promise<void> {
  const { stdout } = await machine.docker(['ps', '--format', '{{.Names}}: {{.Status}}'])
  const lines = stdout.split('\n').filter(line => line !== '' && line.startsWith(name))
  if (lines.length === 0) throw new Error(`Not running: ${name || 'any container'}`)
  const others = lines.filter(line => !line.endsWith('(healthy)'))
  if (others.length > 0) throw new Error(`Not healthy: ${others.join(', ')}`)
}

/** Containers of pods on all those machines, sorted: id and name. */
export async function podContainers(machines: readonly Machine[]): Promise<string[]> {
  const args = ['ps', '--no-trunc', '--format', '{{.ID}} {{.Names}}', '--filter', 'label=davit.dev/pod-uid']
  const listed = await Promise.all(machines.map(each => each.docker(args)))
  return listed.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean)).sort()
}

/** What a machine's etcd member has got to. */
export async function etcdRevision(on: Machine): Promise<number> {
  const pki = '/etc/davit/etcd-pki'
  const tls = [`--cacert=${pki}/ca.crt`, `--cert=${pki}/server.crt`, `--key=${pki}/server.key`]
  const etcdctl = ['etcdctl', '--endpoints=https://127.0.0.1:2379', ...tls]
  const { stdout } = await on.docker(['exec', 'davit_etcd_1', ...etcdctl, 'endpoint', 'status', '--write-out=json'])
  return (JSON.parse(stdout) as [{ Status: { header: { revision: number } } }])[0].Status.header.revision
}

/** Leaves a compose file as an older release would have made it. */
export async function asMadeBefore(file: string): Promise<void> {
  const [, ...lines] = (await readFile(file, 'utf8')).split('\n')
  const text = ['# Of an older release.', ...lines].join('\n')
  const checksum = createHash('sha256').update(text).digest('hex').slice(0, 16)
  await writeFile(file, `# Made by davit init; checksum ${checksum}\n${text}`)
}

/** Kills the first process of a container, as a crash would, and resolves once Docker has started it again. */
export async function crashContainer(machine: Machine, name: string): Promise<void> {
  const inspect = async () => (await machine.docker(['inspect', '-f', '{{.State.Pid}} {{.State.Running}}', name])).stdout.trim().split(' ')
  const [before] = await inspect()
  await machine.exec(`kill -9 ${before}`)
  await untilWell(`${name} runs again`, async () => {
    const [pid, running] = await inspect()
    if (pid === before || running !== 'true') throw new Error(`${name}: pid ${pid}, running ${running}`)
  })
}

/** Resolves to how many milliseconds it took until `check` no longer threw. */
export async function untilWell(what: string, check: () => Promise<unknown>, { timeoutMs = 90_000 } = {}): Promise<number> {
  const start = performance.now()
  for (;;) {
    try {
      await check()
      return performance.now() - start
    } catch (cause) {
      if (performance.now() - start > timeoutMs) throw new Error(`Not well within ${timeoutMs / 1000} s: ${what}`, { cause })
    }
    await delay(100)
  }
}
