/** A member that runs in a compose project, on a machine of the control plane, for `recover`. */
import { createReadStream } from 'node:fs'
import { type Clock, connectHttp, namespaceKind } from '@davit/api'
import { type ClusterConfig, clientUrl, etcdOf, type Machine, type MachineMember, OWNER } from '@davit/deploy'
import type { ResolvedConnection } from '../../kubeconfig/index.ts'
import { type ComposeProject, type DemandOptions, findContainer, type MachineShell } from '../../machines/index.ts'
import { shellQuote } from '../../ssh/index.ts'
import type { MemberStatus } from './plan.ts'
import type { MemberHost } from './recover.ts'

const ASK_MS_MAX = 3_000
const COMPOSE_MS_MAX = 180_000
const DATA_MS_MAX = 900_000
const ALONE_S_MAX = 120
const BUMP = ['--bump-revision=1000000000', '--mark-compacted']

export interface ComposeHostOptions {
  readonly shell: MachineShell
  readonly project: ComposeProject
  readonly config: ClusterConfig
  readonly machine: Machine
  readonly member: MachineMember
  /** Of someone who may read namespace kube-system. */
  readonly credentials: Omit<ResolvedConnection, 'server' | 'servers' | 'namespace'>
  readonly clock: Clock
}

/** Throws when the machine has no containers of the member. */
export async function composeHost(options: ComposeHostOptions): Promise<MemberHost> {
  const { shell, project, config, machine, member, credentials, clock } = options
  const { service, volume, peerUrl, dataDir, command, etcdctl } = etcdOf(config, member)
  const of = (name: string) => findContainer(shell, { project: config.name, service: name })
  const etcd = await of(service)
  const { image: controlPlaneImage } = await of(`control-plane${member.suffix}`)
  const compose = `cd ${shellQuote(project.directory)} && ${project.program}`
  const etcds = machine.members.map(each => `etcd${each.suffix}`)
  const controlPlanes = machine.members.map(each => `control-plane${each.suffix}`)
  const container = `${config.name}-recovering-${member.name}`
  // With the data and the certificates of the member's own container, which may be stopped.
  const inPlace = ['docker', 'run', `--volumes-from=${etcd.id}`]
  const asEtcd = [...inPlace, '--network=host', `--user=${OWNER}`, '--env=ETCDCTL_API=3']
  const once = words(...asEtcd, '--rm', etcd.image)

  /** Runs a line of JavaScript as root, for the images have no shell. */
  const onData = (what: string, script: string, { mounts = [], ...demand }: DemandOptions & { mounts?: readonly string[] } = {}) => {
    const run = [...inPlace, '--rm', '--interactive', '--user=0:0', '--network=none', ...mounts.map(mount => `--volume=${mount}`)]
    const line = words(...run, '--entrypoint=node', controlPlaneImage, '-e', `const fs = require('fs'); ${script}`)
    return shell.demand(what, line, { timeoutMs: DATA_MS_MAX, ...demand })
  }

  return {
    member: member.name,
    members: config.controlPlanes.map(({ name }) => name),
    async answering() {
      return (await Promise.all([answeringMembers(), answeringServers(config, credentials)])).flat()
    },
    async status() {
      const ask = words('docker', 'exec', etcd.id, ...etcdctl, 'endpoint', 'status', '--write-out=json')
      const output = await shell.demand('ask etcd', `${ask} 2>/dev/null || true`)
      return output.trim() === '' ? undefined : statusIn(output)
    },
    async stop() {
      await shell.demand('stop etcd', `${compose} stop ${words(...controlPlanes, ...etcds)}`, { timeoutMs: COMPOSE_MS_MAX })
    },
    async copyData() {
      const copy = `${volume.name}-before-recovery-${new Date(clock.now()).toISOString().replace(/[-:]|\..*/g, '')}`
      await onData("copy etcd's data", `fs.cpSync('${volume.mountAt}', '/copy', { recursive: true })`, { mounts: [`${copy}:/copy`] })
      return `Docker volume ${copy}`
    },
    async restore(snapshot) {
      const file = `${volume.mountAt}/snapshot.db`
      const receive = `fs.rmSync('${dataDir}', { recursive: true, force: true }); process.stdin.pipe(fs.createWriteStream('${file}'))`
      await onData('send the snapshot', receive, { input: createReadStream(snapshot) })
      // From 3.5 on etcd has a tool of its own for this, and only that can raise the revision.
      const help = await shell.demand('look for etcdutl', `${once} etcdutl snapshot restore --help 2>/dev/null || true`)
      const place = [`--data-dir=${dataDir}`, `--name=${member.name}`, `--initial-cluster=${member.name}=${peerUrl}`]
      const args = ['snapshot', 'restore', file, ...place, `--initial-advertise-peer-urls=${peerUrl}`]
      const restore = words(help ? 'etcdutl' : 'etcdctl', ...args, ...(help.includes('--bump-revision') ? BUMP : []))
      await shell.demand('restore the snapshot', `${once} ${restore}`, { timeoutMs: DATA_MS_MAX })
      await onData('remove the snapshot', `fs.rmSync('${file}')`)
    },
    async runAlone() {
      const remove = `docker rm --force ${container} >/dev/null 2>&1 || true`
      await shell.demand('clear away what an earlier run left', remove)
      const run = words(...asEtcd, '--detach', `--name=${container}`, etcd.image, ...command, '--force-new-cluster')
      const ask = `docker exec ${container} ${words(...etcdctl)} endpoint`
      const answered = `${ask} health >/dev/null 2>&1 && exec ${ask} status --write-out=json`
      const wait = `for _ in $(seq ${ALONE_S_MAX}); do ${answered}; sleep 1; done; docker logs --tail=1 ${container} >&2; exit 1`
      try {
        await shell.demand('start etcd', run)
        const output = await shell.demand(`have etcd answer within ${ALONE_S_MAX} s`, wait, { timeoutMs: 3 * ALONE_S_MAX * 1000 })
        await shell.demand('stop etcd', `docker stop --time=30 ${container}`)
        return statusIn(output).revision
      } finally {
        await shell.demand('remove the container', remove)
      }
    },
    async start() {
      // Other members of the same machine stay down: they are no longer part of the cluster.
      await shell.demand('start', `${compose} up -d --no-deps ${words(service, ...controlPlanes)}`, { timeoutMs: COMPOSE_MS_MAX })
    },
  }

  async function answeringMembers(): Promise<string[]> {
    const urls = config.controlPlanes.map(clientUrl)
    const asked = etcdctl.map(word => (word.startsWith('--endpoints=') ? `--endpoints=${urls.join(',')}` : word))
    const health = words(...asked, `--command-timeout=${ASK_MS_MAX}ms`, 'endpoint', 'health', '--write-out=json')
    // It fails when one does not answer; only without an answer of its own there is something else wrong.
    const ask = `found=$(${once} ${health}) || case $found in *health*) ;; *) exit 1 ;; esac; echo "$found"`
    const output = await shell.demand("ask etcd's members", ask)
    const found = JSON.parse(/^\[.*\]$/m.exec(output)?.[0] ?? '[]') as { endpoint: string; health: boolean }[]
    return found.filter(({ health }) => health).map(({ endpoint }) => `etcd at ${endpoint}`)
  }
}

/** API servers that read from etcd: this machine may be cut off from members that are well. */
async function answeringServers({ controlPlanes }: ClusterConfig, credentials: ComposeHostOptions['credentials']): Promise<string[]> {
  const asked = controlPlanes.map(async ({ address, port }) => {
    const server = `https://${address}:${port}`
    const client = connectHttp({ ...credentials, servers: [server], userAgent: 'davit' })
    try {
      await client.resource(namespaceKind).get({ name: 'kube-system' }, { signal: AbortSignal.timeout(ASK_MS_MAX) })
      return [`the API at ${server}`]
    } catch {
      return []
    } finally {
      client.close()
    }
  })
  return (await Promise.all(asked)).flat()
}

function statusIn(output: string): MemberStatus {
  const [{ Status }] = JSON.parse(output) as [{ Status: { header: { revision: number }; raftIndex: number; raftTerm: number } }]
  return { revision: Status.header.revision, raftIndex: Status.raftIndex, raftTerm: Status.raftTerm }
}

const words = (...all: readonly string[]) => all.map(shellQuote).join(' ')
