import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorBody } from '../../../status.ts'
import type { Container, Probe, VolumeMount } from './container-types.ts'
import { applyPodDefaults } from './defaults.ts'
import type { PodAffinityTerm, Toleration } from './scheduling-types.ts'
import type { Pod, PodSpec } from './types.ts'
import { validatePod } from './validate-spec.ts'
import type { Volume } from './volume-types.ts'

function errorsOf(spec: PodSpec): string[] {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: structuredClone(spec) }
  applyPodDefaults(pod)
  return validatePod(pod).map(error => `${error.field}: ${fieldErrorBody(error)}`)
}

const one: Container = { name: 'a', image: 'i' }
const withSpec = (more: Partial<PodSpec>): PodSpec => ({ containers: [one], ...more })
const withContainer = (more: Partial<Container>): PodSpec => ({ containers: [{ ...one, ...more }], volumes: [{ name: 'v', emptyDir: {} }] })
const withMount = (more: Partial<VolumeMount>) => withContainer({ volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] })
const withProbe = (probe: Probe) => withContainer({ livenessProbe: probe })
const withVolume = (source: Omit<Volume, 'name'>) => withSpec({ volumes: [{ name: 'v', ...source }] })
const withToleration = (toleration: Toleration) => withSpec({ tolerations: [toleration] })
const withAntiAffinity = (term: PodAffinityTerm) =>
  withSpec({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } })

test('a full and correct spec has no errors', () => {
  const spec: PodSpec = {
    initContainers: [
      { name: 'init', image: 'i' },
      { ...one, name: 'side', restartPolicy: 'Always', startupProbe: { exec: { command: ['x'] } } },
    ],
    containers: [
      {
        ...one,
        ports: [
          { name: 'http', containerPort: 80 },
          { containerPort: 80, protocol: 'UDP' },
        ],
        env: [
          { name: 'A', value: 'x' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
          { name: 'D', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        envFrom: [{ configMapRef: { name: 'c' } }],
        resources: { limits: { cpu: 1, memory: '64Mi', 'example.com/gpu': 1 }, requests: { cpu: '500m' } },
        volumeMounts: [
          { name: 'v', mountPath: '/v', subPath: 'a/b' },
          { name: 's', mountPath: '/s', readOnly: true },
        ],
        livenessProbe: { httpGet: { port: 'http' } },
        readinessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 },
        lifecycle: { preStop: { sleep: { seconds: 5 } } },
        securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
      },
    ],
    volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 's', items: [{ key: 'k', path: 'a/k', mode: 256 }] } }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }, { key: 'k', value: 'v', effect: 'NoExecute', tolerationSeconds: 3 }],
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { a: 'b' } } },
    ],
  }
  assert.deepEqual(errorsOf(spec), [])
})

const cases: [PodSpec, ...string[]][] = [
  [{ containers: [] }, 'spec.containers: Required value'],
  [{ containers: [{ name: '', image: '' }] }, 'spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
  [{ containers: [one, one] }, 'spec.containers[1].name: Duplicate value: "a"'],
  [withSpec({ initContainers: [one] }), 'spec.initContainers[0].name: Duplicate value: "a"'],
  [
    { containers: [{ ...one, name: 'A_b' }] },
    "spec.containers[0].name: Invalid value: \"A_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
  [withContainer({ image: ' i' }), 'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace'],
  [
    withContainer({ ports: [{ containerPort: 70000 }] }),
    'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    withContainer({
      ports: [
        { containerPort: 1, hostPort: 5 },
        { containerPort: 2, hostPort: 5 },
      ],
    }),
    'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//5"',
  ],
  [
    withContainer({
      ports: [
        { containerPort: 1, name: 'a' },
        { containerPort: 2, name: 'a' },
      ],
    }),
    'spec.containers[0].ports[1].name: Duplicate value: "a"',
  ],
  [
    withSpec({ hostNetwork: true, containers: [{ ...one, ports: [{ containerPort: 80, hostPort: 81 }] }] }),
    'spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
  ],
  [
    withContainer({ env: [{ name: 'A=B' }] }),
    'spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
  ],
  [
    withContainer({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
  ],
  [
    withContainer({ env: [{ name: 'A', valueFrom: {} }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
  ],
  [
    withContainer({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.nope' } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.nope": error converting fieldPath: field label not supported: metadata.nope',
  ],
  [
    withContainer({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
  ],
  [
    withContainer({ envFrom: [{}] }),
    'spec.containers[0].envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
  ],
  [withMount({ name: 'x' }), 'spec.containers[0].volumeMounts[0].name: Not found: "x"'],
  [
    withContainer({
      volumeMounts: [
        { name: 'v', mountPath: '/v' },
        { name: 'v', mountPath: '/v' },
      ],
    }),
    'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
  ],
  [withMount({ subPath: '../x' }), 'spec.containers[0].volumeMounts[0].subPath: Invalid value: "../x": must not contain \'..\''],
  [withMount({ subPath: '/x' }), 'spec.containers[0].volumeMounts[0].subPath: Invalid value: "/x": must be a relative path'],
  [
    withContainer({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ],
  [
    withContainer({ resources: { limits: { memory: '-1' } } }),
    'spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
    'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    withContainer({ resources: { requests: { cpus: 1 } } }),
    'spec.containers[0].resources.requests[cpus]: Invalid value: "cpus": must be a standard resource for containers',
    'spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources',
  ],
  [
    withContainer({ resources: { requests: { cpu: 'much' } } }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "much": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
  ],
  [withProbe({}), 'spec.containers[0].livenessProbe: Required value: must specify a handler type'],
  [
    withProbe({ exec: { command: ['x'] }, tcpSocket: { port: 1 } }),
    'spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
  ],
  [withProbe({ exec: {} }), 'spec.containers[0].livenessProbe.exec.command: Required value'],
  [
    withProbe({ tcpSocket: { port: 0 } }),
    'spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive',
  ],
  [
    withProbe({ tcpSocket: { port: 1 }, periodSeconds: -1 }),
    'spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    withProbe({ tcpSocket: { port: 1 }, successThreshold: 2 }),
    'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
  ],
  [
    withContainer({ lifecycle: { preStop: { sleep: { seconds: 31 } } } }),
    'spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
  ],
  [withContainer({ restartPolicy: 'Always' }), 'spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers'],
  [
    withSpec({ initContainers: [{ name: 'x', image: 'i', livenessProbe: { tcpSocket: { port: 1 } } }] }),
    'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
  ],
  [
    withSpec({ ephemeralContainers: [{ name: 'e', image: 'i', ports: [{ containerPort: 1 }], targetContainerName: 'z' }] }),
    'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
  ],
  [
    withContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
  ],
  [
    withSpec({ securityContext: { runAsUser: -1 } }),
    'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
  ],
  [withVolume({ emptyDir: {}, hostPath: { path: '/' } }), 'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  [withVolume({ hostPath: { path: '/a/../b' } }), 'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\''],
  [withVolume({ configMap: {} }), 'spec.volumes[0].configMap.name: Required value'],
  [
    withVolume({ secret: { secretName: 's', defaultMode: 1000 } }),
    'spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive',
  ],
  [
    withVolume({ configMap: { name: 'c', items: [{ key: 'k', path: '..x' }] } }),
    'spec.volumes[0].configMap.items[0].path: Invalid value: "..x": must not start with \'..\'',
  ],
  [
    withVolume({ projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 5 } }] } }),
    'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
  ],
  [withSpec({ volumes: [{ name: 'v' }, { name: 'v' }] }), 'spec.volumes[1].name: Duplicate value: "v"'],
  [
    withSpec({ terminationGracePeriodSeconds: -1 }),
    'spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0',
  ],
  [withSpec({ activeDeadlineSeconds: 0 }), 'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
  [withSpec({ dnsPolicy: 'None' }), 'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  [
    withSpec({ dnsPolicy: 'None', dnsConfig: {} }),
    'spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
  ],
  [
    withToleration({ value: 'x' }),
    'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    withToleration({ key: 'k', tolerationSeconds: 1 }),
    'spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
  ],
  [
    withSpec({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
  ],
  [
    withAntiAffinity({ topologyKey: '' }),
    'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty',
  ],
  [
    withSpec({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] }),
    'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
  ],
  [
    withSpec({ nodeName: 'n', schedulingGates: [{ name: 'g' }] }),
    'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
  ],
]
for (const [spec, ...wanted] of cases) {
  test(`validatePod() says ${wanted[0]?.slice(0, 90)}`, () => assert.deepEqual(errorsOf(spec), wanted))
}

test('a pod without containers, or without a spec, is told so', () => {
  for (const spec of [{}, undefined]) assert.deepEqual(errorsOf(spec as unknown as PodSpec), ['spec.containers: Required value'])
})
