/** A member that runs in a compose project, for `recover`. */
import { chmod } from 'node:fs/promises'
import type { Clock } from '@davit/api'
import { command } from '@davit/deploy'
import type { ComposeMember, ComposeProject } from './compose-project.ts'
import type { MemberStatus } from './plan.ts'
import type { MemberHost } from './recover.ts'

const ALONE_MS_MAX = 120_000
const LOOK_EVERY_MS = 500
const BUMP = ['--bump-revision=1000000000', '--mark-compacted']

export function composeHost(project: ComposeProject, member: ComposeMember, clock: Clock): MemberHost {
  const { compose } = project
  const { service } = member
  const once = ['run', '--rm', '--no-deps', '-T']
  const names = new Map(member.initialCluster.map(text => text.split('=') as [string, string]))
  const etcdctl = (endpoints: readonly string[]) =>
    member.etcdctl.map(word => (word.startsWith('--endpoints=') ? `--endpoints=${endpoints.join(',')}` : word))
  const docker = (args: readonly string[], allowFailure = false) => command('docker', args, { timeoutMs: 600_000, allowFailure })

  /** Runs a line of JavaScript, as root, on volumes: the images have no shell. */
  const onVolumes = (mounts: readonly string[], script: string) => {
    const volumes = mounts.flatMap(mount => ['-v', mount])
    const image = project.controlPlaneImage
    return docker(['run', '--rm', '--user=0:0', '--network=none', ...volumes, '--entrypoint=node', image, '-e', script])
  }
  const volume = async () => {
    const labels = { 'com.docker.compose.project': project.name, 'com.docker.compose.volume': member.volume }
    const filters = Object.entries(labels).flatMap(([name, value]) => ['--filter', `label=${name}=${value}`])
    const found = (await docker(['volume', 'ls', '-q', ...filters])).stdout.trim()
    if (!found) throw new Error(`There is no volume "${member.volume}" of project ${project.name}: this machine holds no data of etcd`)
    return found
  }
  const statusIn = (output: string): MemberStatus => {
    const [{ Status }] = JSON.parse(output) as [{ Status: { header: { revision: number }; raftIndex: number; raftTerm: number } }]
    return { revision: Status.header.revision, raftIndex: Status.raftIndex, raftTerm: Status.raftTerm }
  }

  return {
    member: member.name,
    members: [...names.keys()],
    async answering() {
      const words = [...etcdctl(member.endpoints), '--command-timeout=3s', 'endpoint', 'health', '--write-out=json']
      const { stdout } = await compose([...once, service, ...words], { allowFailure: true })
      const found = JSON.parse(/^\[.*\]$/m.exec(stdout)?.[0] ?? '[]') as { endpoint: string; health: boolean }[]
      return found.filter(({ health }) => health).map(({ endpoint }) => endpoint)
    },
    async status() {
      const { code, stdout } = await compose(['exec', '-T', service, ...member.etcdctl, 'endpoint', 'status', '--write-out=json'], {
        allowFailure: true,
      })
      return code === 0 ? statusIn(stdout) : undefined
    },
    async stop() {
      await compose(['stop'])
    },
    async copyData() {
      const copy = `${project.name}_${member.volume}-before-recovery-${new Date(clock.now()).toISOString().replace(/[-:]|\..*/g, '')}`
      await onVolumes([`${await volume()}:/from:ro`, `${copy}:/to`], "require('fs').cpSync('/from', '/to', { recursive: true })")
      return `Docker volume ${copy}`
    },
    async restore(snapshot) {
      // Its folder is closed to others; the container's user must be able to read it.
      await chmod(snapshot, 0o644)
      await onVolumes(
        [`${await volume()}:/data`],
        "const fs = require('fs'); for (const name of fs.readdirSync('/data')) fs.rmSync('/data/' + name, { recursive: true })",
      )
      const run = [...once, '-v', `${snapshot}:/snapshot.db:ro`, service]
      const { code, stdout } = await compose([...run, 'etcdutl', 'snapshot', 'restore', '--help'], { allowFailure: true })
      const tool = code === 0 ? 'etcdutl' : 'etcdctl'
      const place = [`--data-dir=${member.dataDir}`, `--name=${member.name}`, `--initial-cluster=${member.name}=${member.peerUrl}`]
      const args = ['snapshot', 'restore', '/snapshot.db', ...place, `--initial-advertise-peer-urls=${member.peerUrl}`]
      await compose([...run, tool, ...args, ...(stdout.includes('--bump-revision') ? BUMP : [])], { timeoutMs: 900_000 })
    },
    async runAlone() {
      const container = `${project.name}-recovering-${member.name}`
      await docker(['rm', '-f', container], true)
      await compose(['run', '-d', '--no-deps', '--name', container, service, ...member.command, '--force-new-cluster'])
      try {
        for (const startMs = clock.monotonic(); clock.monotonic() - startMs < ALONE_MS_MAX; await clock.sleep(LOOK_EVERY_MS)) {
          const healthy = await docker(['exec', container, ...member.etcdctl, 'endpoint', 'health'], true)
          if (healthy.code !== 0) continue
          const { stdout } = await docker(['exec', container, ...member.etcdctl, 'endpoint', 'status', '--write-out=json'])
          await docker(['stop', '--time=30', container])
          return statusIn(stdout).revision
        }
        const { stdout, stderr } = await docker(['logs', '--tail=5', container], true)
        throw new Error(`etcd did not answer within ${ALONE_MS_MAX / 1000} s; its log ends: ${(stdout + stderr).trim()}`)
      } finally {
        await docker(['rm', '-f', container], true)
      }
    },
    async start() {
      // Other members of the same machine stay down: they are no longer part of the cluster.
      await compose(['up', '-d', '--no-deps', service, ...project.controlPlanes])
    },
  }
}
