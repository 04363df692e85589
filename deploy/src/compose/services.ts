/** The services of a machine's compose project. Written for docker-compose 1.29 and compose v2 alike. */
import type { ClusterConfig } from './config.ts'
import type { Machine, MachineMember } from './machines.ts'
import { RESTORE_FOLDER, restoreServices } from './restore.ts'
import { setting } from './setting.ts'

/** One service of a compose file. */
export type Service = Readonly<Record<string, unknown>>

/** etcd and the control plane run as this user, who owns their directories and nothing else. */
export const OWNER = '65532:65532'

/** Where things are in the containers. */
const AT = { data: '/var/lib/davit', etcdData: '/var/lib/etcd', pki: '/etc/davit/pki', etcdPki: '/etc/davit/etcd-pki' } as const
const ETCD_DATA_DIR = `${AT.etcdData}/data`
const HAPROXY_CONFIG = '/usr/local/etc/haproxy/haproxy.cfg'
const QUOTA_BYTES = 8 * 1024 ** 3

/** What every long-running service has. Nothing needs more than its own files and the network. */
const COMMON: Service = {
  network_mode: 'host',
  user: OWNER,
  restart: 'unless-stopped',
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  ulimits: { nofile: { soft: setting('OPEN_FILES'), hard: setting('OPEN_FILES') } },
  logging: { driver: 'json-file', options: { 'max-size': '20m', 'max-file': '5' } },
}

/*
 * `nocopy`: otherwise Docker gives an empty volume the owner that the folder has in the image, after it was prepared.
 * `z`: with SELinux, files that several containers use.
 */

/** Every service of `machine`, by name, in the order in which they start. */
export function servicesOf(config: ClusterConfig, { members }: Machine): Record<string, Service> {
  const prepare = { prepare: prepareService(members, config.restored === true) }
  const perMember = members.map(member => {
    const { services, after } = beforeEtcd(config, member)
    return {
      ...services,
      [`etcd${member.suffix}`]: etcdService(config, member, after),
      [`control-plane${member.suffix}`]: controlPlaneService(config, member),
    }
  })
  return Object.assign(prepare, ...perMember, config.balancer && { balancer: balancerService(config.balancer.port) })
}

/** The named volumes of `machine`. */
export function volumesOf({ members }: Machine): Record<string, null> {
  return Object.fromEntries(members.flatMap(({ suffix }) => [`etcd${suffix}`, `control-plane${suffix}`]).map(name => [name, null]))
}

/** Ends at once. Its rights are those that a change of owner takes, and it has no network. */
function prepareService(members: readonly MachineMember[], restored: boolean): Service {
  const volumes = members.flatMap(({ suffix }) => [
    [`etcd${suffix}`, `/prepare/etcd${suffix}`],
    [`control-plane${suffix}`, `/prepare/control-plane${suffix}`],
  ])
  const folders = ['pki', 'etcd-pki', ...(restored ? [RESTORE_FOLDER] : [])].map(name => [`./${name}`, `/prepare/${name}`])
  const mounts = [...folders, ...volumes] as [string, string][]
  return {
    image: setting('CONTROL_PLANE_IMAGE'),
    command: [
      'prepare',
      `--owner=${OWNER}`,
      '--pki-dir=/prepare/pki',
      '--etcd-pki-dir=/prepare/etcd-pki',
      ...mounts.map(([, target]) => target),
    ],
    network_mode: 'none',
    user: '0:0',
    restart: 'no',
    read_only: true,
    cap_drop: ['ALL'],
    cap_add: ['CHOWN', 'DAC_OVERRIDE'],
    security_opt: ['no-new-privileges:true'],
    volumes: mounts.map(([source, target]) => `${source}:${target}:${source.startsWith('.') ? 'z' : 'nocopy'}`),
    logging: COMMON.logging,
  }
}

/** What must have ended before a member's etcd starts, the last of it named by `after`. */
function beforeEtcd(config: ClusterConfig, member: MachineMember): { services: Record<string, Service>; after: string } {
  const join = `join-etcd${member.suffix}`
  if (member.replaced) return { services: { [join]: joinService(config, member) }, after: join }
  if (!config.restored) return { services: {}, after: 'prepare' }
  const { ulimits: _, ...common } = COMMON
  const { name, suffix } = member
  const restored = { name, suffix, peerUrl: peerUrl(member), initialCluster: initialCluster(config, member), clusterName: config.name }
  return restoreServices(restored, { common, mountAt: AT.etcdData, dataDir: ETCD_DATA_DIR })
}

/** Before a replaced member first starts: the others are told to expect it. Ends at once where the member has data. */
function joinService(config: ClusterConfig, member: MachineMember): Service {
  const others = config.controlPlanes.filter(({ name }) => name !== member.name && !member.without?.includes(name)).map(clientUrl)
  const { ulimits: _, ...rest } = COMMON
  return {
    ...rest,
    image: setting('CONTROL_PLANE_IMAGE'),
    command: [
      'join-etcd',
      `--name=${member.name}`,
      `--peer-url=${peerUrl(member)}`,
      `--initial-cluster=${initialCluster(config, member)}`,
      `--etcd=${others.join(',')}`,
      `--pki-dir=${AT.pki}`,
      `--etcd-data-dir=${ETCD_DATA_DIR}`,
    ],
    restart: 'no',
    depends_on: { prepare: { condition: 'service_completed_successfully' } },
    volumes: [`./pki:${AT.pki}:ro,z`, `etcd${member.suffix}:${AT.etcdData}:ro,nocopy`],
  }
}

/** How a member's etcd is run, for those who run it otherwise than compose does. */
export interface EtcdMember {
  readonly service: string
  /** Docker's name of it, and where the containers of the service have it. */
  readonly volume: { readonly name: string; readonly mountAt: string }
  readonly dataDir: string
  readonly peerUrl: string
  readonly command: readonly string[]
  /** etcdctl with the member's own address and certificates. */
  readonly etcdctl: readonly string[]
}

export function etcdOf(config: ClusterConfig, member: MachineMember): EtcdMember {
  const file = (path: string) => `${AT.etcdPki}/${path}`
  const tls = (prefix: string, kind: string) => [
    `--${prefix}cert-file=${file(`${kind}.crt`)}`,
    `--${prefix}key-file=${file(`${kind}.key`)}`,
    `--${prefix}trusted-ca-file=${file('ca.crt')}`,
    `--${prefix}client-cert-auth`,
  ]
  return {
    service: `etcd${member.suffix}`,
    volume: { name: `${config.name}_etcd${member.suffix}`, mountAt: AT.etcdData },
    dataDir: ETCD_DATA_DIR,
    peerUrl: peerUrl(member),
    command: [
      'etcd',
      `--name=${member.name}`,
      `--data-dir=${ETCD_DATA_DIR}`,
      `--listen-client-urls=https://0.0.0.0:${member.etcdClientPort}`,
      `--advertise-client-urls=${clientUrl(member)}`,
      `--listen-peer-urls=https://0.0.0.0:${member.etcdPeerPort}`,
      `--initial-advertise-peer-urls=${peerUrl(member)}`,
      `--initial-cluster=${initialCluster(config, member)}`,
      `--initial-cluster-state=${member.replaced ? 'existing' : 'new'}`,
      `--initial-cluster-token=${config.name}`,
      ...tls('', 'server'),
      ...tls('peer-', 'peer'),
      // A machine may reach the others from another of its addresses; who it is, its certificate says.
      '--experimental-peer-skip-client-san-verification',
      '--heartbeat-interval=100',
      '--election-timeout=1000',
      '--pre-vote',
      '--snapshot-count=10000',
      `--quota-backend-bytes=${QUOTA_BYTES}`,
      // The control plane compacts: it knows what its watchers still need.
      '--auto-compaction-retention=0',
      '--experimental-initial-corrupt-check',
      '--logger=zap',
    ],
    etcdctl: [
      'etcdctl',
      `--endpoints=https://127.0.0.1:${member.etcdClientPort}`,
      `--cacert=${file('ca.crt')}`,
      `--cert=${file('server.crt')}`,
      `--key=${file('server.key')}`,
    ],
  }
}

function etcdService(config: ClusterConfig, member: MachineMember, after: string): Service {
  const { command, etcdctl } = etcdOf(config, member)
  return {
    ...COMMON,
    image: setting('ETCD_IMAGE'),
    command,
    environment: { ETCDCTL_API: '3' },
    depends_on: { [after]: { condition: 'service_completed_successfully' } },
    healthcheck: { test: ['CMD', ...etcdctl, 'endpoint', 'health'], interval: '5s', timeout: '10s', retries: 6, start_period: '60s' },
    volumes: [`etcd${member.suffix}:${AT.etcdData}:nocopy`, `./etcd-pki:${AT.etcdPki}:ro,z`],
    mem_limit: setting('ETCD_MEMORY'),
    cpus: setting('ETCD_CPUS'),
    // Pods on the same machine must not starve it.
    cpu_shares: 4096,
    oom_score_adj: setting('OOM_SCORE_ADJ'),
    stop_grace_period: '30s',
  }
}

function controlPlaneService({ controlPlanes, networks, tlsSans }: ClusterConfig, member: MachineMember): Service {
  const others = controlPlanes.filter(({ name }) => name !== member.name)
  const isSameMachine = (other: { address: string }) => other.address === member.address
  // Its own etcd first, which answers soonest, and goes on when the machine's address does not.
  const etcd = [member, ...others].map(each => (isSameMachine(each) ? `https://127.0.0.1:${each.etcdClientPort}` : clientUrl(each)))
  const names = [...new Set([...others.map(({ address }) => address), ...tlsSans])].filter(name => name !== member.address)
  // Where others have quorum it comes up also when its own member does not: it waits for etcd by itself.
  const condition = others.length > 0 ? 'service_started' : 'service_healthy'
  return {
    ...COMMON,
    image: setting('CONTROL_PLANE_IMAGE'),
    command: [
      `--data-dir=${AT.data}`,
      `--pki-dir=${AT.pki}`,
      `--etcd-pki-dir=${AT.etcdPki}`,
      `--name=${member.name}`,
      `--port=${member.port}`,
      `--advertise-address=${member.address}`,
      ...names.map(name => `--tls-san=${name}`),
      `--etcd=${etcd.join(',')}`,
      `--pod-cidr=${networks.podCidr}`,
      `--service-cidr=${networks.serviceCidr}`,
    ],
    depends_on: { prepare: { condition: 'service_completed_successfully' }, [`etcd${member.suffix}`]: { condition } },
    healthcheck: {
      test: ['CMD', 'control-plane', 'health', `--port=${member.port}`, `--pki-dir=${AT.pki}`],
      interval: '10s',
      timeout: '5s',
      retries: 3,
      start_period: '60s',
    },
    volumes: [`control-plane${member.suffix}:${AT.data}:nocopy`, `./pki:${AT.pki}:z`, `./etcd-pki:${AT.etcdPki}:z`],
    tmpfs: ['/tmp'],
    mem_limit: setting('CONTROL_PLANE_MEMORY'),
    cpus: setting('CONTROL_PLANE_CPUS'),
    cpu_shares: 2048,
    oom_score_adj: setting('OOM_SCORE_ADJ'),
    stop_grace_period: '30s',
  }
}

function balancerService(port: number): Service {
  return {
    ...COMMON,
    profiles: ['balancer'],
    image: setting('BALANCER_IMAGE'),
    command: ['haproxy', '-f', HAPROXY_CONFIG],
    healthcheck: { test: ['CMD-SHELL', `nc -w 2 127.0.0.1 ${port} </dev/null >/dev/null`], interval: '10s', timeout: '5s', retries: 3 },
    volumes: [`./haproxy.cfg:${HAPROXY_CONFIG}:ro,z`],
    mem_limit: setting('BALANCER_MEMORY'),
    stop_grace_period: '10s',
  }
}

function initialCluster({ controlPlanes }: ClusterConfig, { without = [] }: MachineMember): string {
  const living = controlPlanes.filter(({ name }) => !without.includes(name))
  return living.map(each => `${each.name}=${peerUrl(each)}`).join(',')
}

/** For clients elsewhere. */
export function clientUrl({ address, etcdClientPort }: Pick<MachineMember, 'address' | 'etcdClientPort'>): string {
  return `https://${address}:${etcdClientPort}`
}

function peerUrl({ address, etcdPeerPort }: Pick<MachineMember, 'address' | 'etcdPeerPort'>): string {
  return `https://${address}:${etcdPeerPort}`
}
