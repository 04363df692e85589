import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Container, PodSpec } from '@davit/api'
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
const joined: ContainerPlace = { ...place, network: { from: 'container', id: 'pause1' } }
const body = (
  fields: Partial<Container>,
  { spec = {}, at = place, on = node }: { spec?: Partial<PodSpec>; at?: ContainerPlace; on?: NodeFacts } = {},
) => containerBody(pod(spec), container('main', fields), { node: on, place: at })

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
  'requests and limits, guaranteed': () => body({ resources: { limits: { cpu: '500m', memory: '64Mi' } } }),
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

  it('derives the MAC address from the pod address', () => assert.equal(macOf('10.244.1.7'), '02:42:0a:f4:01:07'))
})
