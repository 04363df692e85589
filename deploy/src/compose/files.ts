/** The files of a cluster's directory that hold no secrets: all of them follow from its configuration. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type ClusterConfig, formatConfig } from './config.ts'
import { type Machine, machinesOf } from './machines.ts'
import { RESTORE_TOOL } from './restore.ts'
import { servicesOf, volumesOf } from './services.ts'

export interface ClusterFile {
  /** Below the cluster's directory. */
  readonly path: string
  readonly text: string
  /**
   * When it is there already. `own`: only `davit init` writes it. `sealed`: replaced unless somebody changed it by hand. `merged`: a
   * value that somebody changed stays.
   */
  readonly kind: 'own' | 'sealed' | 'merged'
}

/** `cluster.yaml`, and what each machine's folder holds besides `pki/` and `etcd-pki/`. */
export function renderFiles(config: ClusterConfig): ClusterFile[] {
  return [
    { path: 'cluster.yaml', text: formatConfig(config), kind: 'own' },
    ...machinesOf(config).flatMap(machine => machineFiles(config, machine)),
  ]
}

/** docker-compose 1.29 reads YAML 1.1, where a bare `no` is false and `0:0` a number. */
const YAML_OPTIONS = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const

function machineFiles(config: ClusterConfig, machine: Machine): ClusterFile[] {
  const at = (name: string) => join(machine.folder, name)
  const balancer: ClusterFile[] = config.balancer
    ? [{ path: at('haproxy.cfg'), text: seal(balancerConfig(config, machine)), kind: 'sealed' }]
    : []
  return [
    { path: at('compose.yaml'), text: seal(composeFile(config, machine)), kind: 'sealed' },
    { path: at('.env'), text: environment(config), kind: 'merged' },
    ...balancer,
  ]
}

function composeFile(config: ClusterConfig, machine: Machine): string {
  const names = machine.members.map(({ name }) => name).join(', ')
  const head = `# Cluster "${config.name}" on ${machine.address}: ${names}. Changes of your own go into compose.override.yaml, sizes and images into .env.\n`
  return head + stringify({ services: servicesOf(config, machine), volumes: volumesOf(machine) }, YAML_OPTIONS)
}

function environment({ name, balancer, images, restored }: ClusterConfig): string {
  return `# Names, images and sizes for compose.yaml. A value you change here stays when "davit init" runs again.
COMPOSE_PROJECT_NAME=${name}
COMPOSE_PROFILES=${balancer ? 'balancer' : ''}
CONTROL_PLANE_IMAGE=${images.controlPlane}
ETCD_IMAGE=${images.etcd}
BALANCER_IMAGE=${images.balancer}
# At most so much memory; so many CPUs, 0 for as many as there are.
CONTROL_PLANE_MEMORY=2g
CONTROL_PLANE_CPUS=0
ETCD_MEMORY=2g
ETCD_CPUS=0
BALANCER_MEMORY=512m
# Where Docker itself may not raise limits, as inside an LXC container, take fewer files and 0.
OPEN_FILES=65536
# Pods are killed before etcd and the control plane when the machine's memory ends.
OOM_SCORE_ADJ=-900
${restored ? `# How etcd's image restores a snapshot; for its versions before 3.5.10: etcdctl snapshot restore\n${RESTORE_TOOL.name}=${RESTORE_TOOL.value}\n` : ''}`
}

/** TLS passes through; a control plane that is not ready gets nothing. */
function balancerConfig({ controlPlanes, balancer }: ClusterConfig, machine: Machine): string {
  const servers = controlPlanes.map(({ name, address, port }) => {
    const host = address === machine.address ? '127.0.0.1' : address
    return `  server ${name} ${host}:${port}\n`
  })
  return `global
  log stdout format raw local0 notice

defaults
  mode tcp
  log global
  option dontlognull
  timeout connect 3s
  # Watches are silent for long; a dead peer is found by TCP itself.
  timeout client 1h
  timeout server 1h
  timeout tunnel 24h
  option clitcpka
  option srvtcpka

frontend api
  bind :${balancer?.port}
  default_backend control-planes

backend control-planes
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  option redispatch
  retries 2
  # Who a server is, clients check by themselves.
  default-server check check-ssl verify none inter 2s fastinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('')}`
}

const SEAL = /^# Made by davit init; checksum (\w+)\n/

function seal(text: string): string {
  return `# Made by davit init; checksum ${checksum(text)}\n${text}`
}

/** Whether a sealed file is as it was made. */
export function isUnchanged(text: string): boolean {
  const [line, sum] = SEAL.exec(text) ?? []
  return line !== undefined && checksum(text.slice(line.length)) === sum
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

const SETTING = /^([A-Z_]+)=(.*)$/

/** `next`, with what differs in `present` from `before` kept: somebody changed it. `before` is what was made the last time. */
export function mergeEnvironment(before: string, present: string, next: string): string {
  const made = settingsOf(before)
  const changed = new Map([...settingsOf(present)].filter(([name, value]) => made.get(name) !== value))
  const lines = next.split('\n').map(line => {
    const name = SETTING.exec(line)?.[1] ?? ''
    return changed.has(name) ? `${name}=${changed.get(name)}` : line
  })
  const known = settingsOf(next)
  const own = [...changed].filter(([name]) => !known.has(name)).map(([name, value]) => `${name}=${value}\n`)
  return lines.join('\n') + own.join('')
}

function settingsOf(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap(line => {
      const [, name, value = ''] = SETTING.exec(line) ?? []
      return name === undefined ? [] : [[name, value] as const]
    }),
  )
}
