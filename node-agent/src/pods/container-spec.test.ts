import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Container, PodSecurityContext, PodSpec } from '@davit/api'
import { type ContainerPlace, containerBody, macOf, type NodeFacts, sandboxBody } from './container-spec.ts'
import { ConfigError } from './env.ts'
import { container, pod } from './test-pods.ts'

const GOLDEN = fileURLToPath(new URL('../../src/pods/golden/container-spec.json', import.meta.url))

const node: NodeFacts = {
  labels: { 'davit.dev/cluster-id': 'c1', 'davit.dev/node': 'n1' },
  isOldMacApi: true,
  cgroupDriver: 'cgroupfs',
  memoryCapacityBytes: 8_589_934_592,
  canRaiseLimits: true,
  dockerNetwork: 'davit',
  hasCostlyResolver: false,
  logs: { maxBytes: 10 << 20, maxFiles: 5 },
  cgroupVersion: '1',
  hasAppArmor: false,
  maxPids: 0,
  clusterDomain: 'cluster.local',
  seccompProfile: path => `{"profile":"${path}"}`,
}
const place: ContainerPlace = {
  attempt: 0,
  network: { from: 'own' },
  address: '10.244.1.7',
  env: new Map([['PORT', '80']]),
  mounts: [{ Type: 'bind', Source: '/data/etc/hosts', Target: '/etc/hosts', ReadOnly: false }],
  image: 'sha256:abc',
  imageUser: '',
}
const v2: NodeFacts = { ...node, cgroupVersion: '2', cgroupDriver: 'systemd' }
const docker28: NodeFacts = { ...v2, isOldMacApi: false }
const joined: ContainerPlace = { ...place, network: { from: 'container', id: 'pause1' } }
const body = (
  fields: Partial<Container>,
  { spec = {}, at = place, on = node }: { spec?: Partial<PodSpec>; at?: ContainerPlace; on?: NodeFacts } = {},
) => {
  const main = container('main', fields)
  return containerBody(pod({ containers: [main], ...spec }), main, { node: on, place: at })
}

const CASES: Readonly<Record<string, () => unknown>> = {
  'a plain container that holds the network': () => body({}),
  'a container in a sandbox': () => body({}, { at: joined }),
  'a container on the host network': () => body({}, { spec: { hostNetwork: true }, at: { ...place, network: { from: 'host' } } }),
  'from API 1.44 on the MAC address belongs to the endpoint': () => body({}, { on: { ...node, isOldMacApi: false } }),
  'a Docker whose own resolver costs much': () => body({}, { on: { ...node, hasCostlyResolver: true } }),
  'a container in a sandbox of such a Docker': () => body({}, { at: joined, on: { ...node, hasCostlyResolver: true } }),
  'a systemd host that does not let limits be raised': () => body({}, { on: { ...node, cgroupDriver: 'systemd', canRaiseLimits: false } }),
  'command, args and variables in them': () => body({ command: ['serve', '$(PORT)'], args: ['$$(PORT)', '$(NOPE)'], workingDir: '/srv' }),
  'requests and limits, burstable': () =>
    body({ resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } } }),
  'requests and limits, guaranteed': () =>
    body({ resources: { requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '500m', memory: '64Mi' } } }),
  'a security context': () =>
    body(
      {
        securityContext: {
          runAsUser: 1000,
          capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          seccompProfile: { type: 'Localhost', localhostProfile: 'x.json' },
        },
      },
      {
        spec: {
          securityContext: {
            runAsGroup: 3000,
            fsGroup: 2000,
            supplementalGroups: [5],
            sysctls: [{ name: 'net.core.somaxconn', value: '64' }],
          },
        },
      },
    ),
  'a privileged container with a terminal in the host namespaces': () =>
    body({ securityContext: { privileged: true }, stdin: true, tty: true }, { spec: { hostPID: true, hostIPC: true } }),
  'a shared process namespace': () => body({}, { spec: { shareProcessNamespace: true }, at: joined }),
  'an ephemeral container that joins another one’s processes': () => body({}, { at: { ...joined, targetId: 'main-0' } }),
  'a cgroup v2 host': () => body({}, { on: v2 }),
  'a privileged container on a cgroup v2 host': () => body({ securityContext: { privileged: true } }, { on: v2 }),
  'a sandbox on a cgroup v2 host with Docker 28 and a limit of processes': () =>
    sandboxBody(pod(), { attempt: 0, address: '10.244.1.7', node: { ...docker28, maxPids: 4096 } }),
  'requests and limits on a cgroup v2 host with Docker 28': () =>
    body({ resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } } }, { on: docker28 }),
  'a limit of processes': () => body({}, { on: { ...node, maxPids: 4096 } }),
  'little CPU and much': () => [
    body({ resources: { requests: { cpu: '1m' }, limits: { cpu: '1m' } } }).HostConfig,
    body({ resources: { requests: { cpu: '1000' } } }).HostConfig,
  ],
  'a pod critical to its node': () =>
    body({ resources: { requests: { memory: '1Mi' } } }, { spec: { priority: 2_000_001_000 } }).HostConfig.OomScoreAdj,
  'a sidecar that asks for less than what it serves': () => {
    const proxy = container('main', { restartPolicy: 'Always', resources: { requests: { memory: '8Mi' } } })
    const app = container('app', { resources: { requests: { memory: '4Gi' } } })
    return containerBody(pod({ initContainers: [proxy], containers: [app] }), proxy, { node, place: joined }).HostConfig.OomScoreAdj
  },
  'standard input that ends with its first client': () => body({ stdin: true, stdinOnce: true }),
  'a stop signal': () => body({ lifecycle: { stopSignal: 'SIGQUIT' } }),
  'a runtime': () => body({}, { at: { ...place, runtime: 'runsc' } }),
  'a sandbox with a runtime': () => sandboxBody(pod(), { attempt: 0, address: '10.244.1.7', node, runtime: 'runsc' }),
  'devices of NVIDIA and of CDI': () =>
    body({}, { at: { ...place, devices: { 'nvidia.com/gpu': ['0', '3'], 'example.com/radio': ['a'] } } }),
  'capabilities as people write them': () =>
    body({ securityContext: { capabilities: { add: ['CAP_NET_ADMIN', 'sys_time'], drop: ['ALL'] } } }).HostConfig,
  'seccomp: the default, RuntimeDefault, Unconfined, and the pod’s for a container that says nothing': () => [
    body({}).HostConfig.SecurityOpt ?? null,
    body({ securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }).HostConfig.SecurityOpt ?? null,
    body({ securityContext: { seccompProfile: { type: 'Unconfined' } } }).HostConfig.SecurityOpt,
    body({}, { spec: { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' } } } }).HostConfig.SecurityOpt,
  ],
  'AppArmor where the host has it, and where not': () =>
    [{ ...node, hasAppArmor: true }, node].map(on => [
      body({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }, { on }).HostConfig.SecurityOpt ?? null,
      body({ securityContext: { appArmorProfile: { type: 'Localhost', localhostProfile: 'mine' } } }, { on }).HostConfig.SecurityOpt ??
        null,
      body({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }, { on }).HostConfig.SecurityOpt ?? null,
    ]),
  'SELinux and an unmasked /proc': () =>
    body({ securityContext: { procMount: 'Unmasked', seLinuxOptions: { level: 's0:c1,c2', type: 'container_t' } } }).HostConfig,
  'groups: merged, and strict with and without a user': () => {
    const strict: PodSecurityContext = { supplementalGroupsPolicy: 'Strict', supplementalGroups: [7, 8], fsGroup: 7 }
    return [
      body({}, { spec: { securityContext: { ...strict, supplementalGroupsPolicy: 'Merge', runAsUser: 5 } } }),
      body({}, { spec: { securityContext: { ...strict, runAsUser: 5 } } }),
      body({}, { spec: { securityContext: { ...strict, runAsUser: 5, runAsGroup: 6 } } }),
      body({}, { spec: { securityContext: strict }, at: { ...place, imageUser: 'www:33' } }),
    ].map(({ User, HostConfig }) => [User, HostConfig.GroupAdd])
  },
  'sysctls with slashes, and none where the network is joined': () => {
    const spec: Partial<PodSpec> = { securityContext: { sysctls: [{ name: 'net/ipv4/conf/eth0.1/forwarding', value: '1' }] } }
    return [body({}, { spec }).HostConfig.Sysctls, body({}, { spec, at: joined }).HostConfig.Sysctls ?? null]
  },
  'the whole name as hostname': () =>
    sandboxBody(pod({ hostname: 'db', subdomain: 'pg', setHostnameAsFQDN: true }), { attempt: 0, address: '10.244.1.7', node }).Hostname,
  'a sandbox for processes shared on the host network': () =>
    sandboxBody(pod({ hostNetwork: true, shareProcessNamespace: true }), { attempt: 0, address: '', node }),
  'a sandbox': () => sandboxBody(pod({ hostname: 'db' }), { attempt: 2, address: '10.244.1.7', node }),
}

describe('containerBody()', () => {
  // UPDATE_GOLDEN=1 writes what is; the difference is then for a person to judge.
  it('gives Docker what the golden file says', () => {
    const actual = Object.fromEntries(Object.entries(CASES).map(([name, make]) => [name, make()]))
    const text = `${JSON.stringify(actual, undefined, 2)}\n`
    if (process.env.UPDATE_GOLDEN) writeFileSync(GOLDEN, text)
    assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(GOLDEN, 'utf8')))
  })

  for (const [imageUser, securityContext, message] of [
    ['', {}, /^container has runAsNonRoot and image will run as root/],
    ['root', {}, /image will run as root/],
    ['www', {}, /image has non-numeric user \(www\)/],
    ['', { runAsUser: 0 }, /^container's runAsUser breaks non-root policy/],
  ] as const) {
    it(`refuses runAsNonRoot with image user "${imageUser}" and ${JSON.stringify(securityContext)}`, () => {
      const make = () => body({ securityContext: { ...securityContext, runAsNonRoot: true } }, { at: { ...place, imageUser } })
      assert.throws(make, (err: unknown) => err instanceof ConfigError && message.test(err.message))
    })
  }

  it('lets a numeric image user or runAsUser pass for runAsNonRoot', () => {
    assert.doesNotThrow(() => body({ securityContext: { runAsNonRoot: true } }, { at: { ...place, imageUser: '101:101' } }))
    assert.equal(body({ securityContext: { runAsNonRoot: true, runAsUser: 7 } }).User, '7')
  })

  it('refuses a whole name that the kernel cannot hold', () => {
    const long = pod({ hostname: 'd'.repeat(40), subdomain: 'postgres', setHostnameAsFQDN: true })
    const message =
      /Failed to construct FQDN from Pod hostname and cluster domain, FQDN d+\.postgres\.shop\.svc\.cluster\.local is too long/
    assert.throws(() => sandboxBody(long, { attempt: 0, address: '10.244.1.7', node }), message)
  })

  it('tells which seccomp profile is not there', () => {
    const missing = {
      ...node,
      seccompProfile: () => {
        throw new Error('ENOENT')
      },
    }
    const profile = { seccompProfile: { type: 'Localhost', localhostProfile: 'x.json' } } as const
    assert.throws(
      () => body({ securityContext: profile }, { on: missing }),
      /^ConfigError: failed to load seccomp profile "x.json": ENOENT/,
    )
  })

  it('derives the MAC address from the pod address', () => assert.equal(macOf('10.244.1.7'), '02:42:0a:f4:01:07'))
})
