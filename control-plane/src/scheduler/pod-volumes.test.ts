import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, Pod, StorageClass } from '@davit/api'
import { ClusterState } from './node-info.ts'
import { place } from './place.ts'
import { gatherVolumes, type StorageView } from './pod-volumes.ts'

const HOSTNAME = 'kubernetes.io/hostname'
const SELECTED = 'volume.kubernetes.io/selected-node'

function node(name: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [HOSTNAME]: name, zone: `zone-${name}` }, annotations: { 'davit.dev/volumes-directory': '/claims' } },
    status: { allocatable: { cpu: '4', memory: '4Gi', pods: '10' }, conditions: [{ type: 'Ready', status: 'True' }] },
  }
}

function pod(...claims: string[]): Pod {
  const volumes = claims.map(claimName => ({ name: claimName, persistentVolumeClaim: { claimName } }))
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', uid: 'p' }, spec: { containers: [], volumes } }
}

function claim(
  name: string,
  {
    spec,
    annotations,
    volume,
    size = '1Gi',
  }: { spec?: Partial<PersistentVolumeClaimSpec>; annotations?: Record<string, string>; volume?: string; size?: string } = {},
): PersistentVolumeClaim {
  const done = volume ? { 'pv.kubernetes.io/bind-completed': 'yes' } : {}
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default', uid: name, annotations: { ...annotations, ...done } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'later',
      resources: { requests: { storage: size } },
      ...(volume && { volumeName: volume }),
      ...spec,
    },
    status: { phase: volume ? 'Bound' : 'Pending' },
  }
}

function volume(name: string, on: string | undefined, { owner, size = '1Gi' }: { owner?: string; size?: string } = {}): PersistentVolume {
  const matchExpressions = [{ key: HOSTNAME, operator: 'In' as const, values: [on ?? ''] }]
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: size },
      storageClassName: 'later',
      ...(owner && { claimRef: { namespace: 'default', name: owner, uid: owner } }),
      ...(on && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } }),
    },
    status: { phase: owner ? 'Bound' : 'Available' },
  }
}

const storageClass = (name: string, rest: Partial<StorageClass> = {}): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner: 'davit.dev/local',
  volumeBindingMode: 'WaitForFirstConsumer',
  ...rest,
})
const byHand = storageClass('later', { provisioner: 'kubernetes.io/no-provisioner' })

interface World {
  claims?: PersistentVolumeClaim[]
  volumes?: PersistentVolume[]
  classes?: StorageClass[]
  taken?: string[]
  promised?: string[]
  inUse?: boolean
}

function view({
  claims = [],
  volumes = [],
  classes = [storageClass('later')],
  taken = [],
  promised = [],
  inUse = false,
}: World): StorageView {
  return {
    claim: (_, name) => claims.find(({ metadata }) => metadata.name === name),
    volume: name => volumes.find(({ metadata }) => metadata.name === name),
    volumes: () => volumes,
    storageClass: name => classes.find(({ metadata }) => metadata.name === name),
    taken: new Set(taken),
    promised: new Set(promised),
    isUsedByOther: () => inUse,
  }
}

/** The node the pod gets of `a` and `b`, or why it gets none. */
function outcome(subject: Pod, world: World): string {
  const gathered = gatherVolumes(subject, view(world))
  if ('refused' in gathered) return gathered.refused
  const state = new ClusterState()
  for (const name of ['a', 'b']) state.setNode(node(name))
  const placement = place(subject, [...state.nodes()], () => 0, gathered)
  return placement.node ?? placement.message
}

const CONFLICT = '0/2 nodes are available: 2 node(s) had volume node affinity conflict.'
const NONE = "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."

for (const [why, subject, world, wanted] of [
  ['goes to the node of its volume', pod('c'), { claims: [claim('c', { volume: 'v' })], volumes: [volume('v', 'b', { owner: 'c' })] }, 'b'],
  [
    'goes nowhere when its volumes are on two nodes',
    pod('c', 'd'),
    {
      claims: [claim('c', { volume: 'v' }), claim('d', { volume: 'w' })],
      volumes: [volume('v', 'a', { owner: 'c' }), volume('w', 'b', { owner: 'd' })],
    },
    '0/2 nodes are available: 2 node(s) had volume node affinity conflict.',
  ],
  [
    'goes nowhere when the node of its volume is gone',
    pod('c'),
    { claims: [claim('c', { volume: 'v' })], volumes: [volume('v', 'gone', { owner: 'c' })] },
    CONFLICT,
  ],
  [
    'goes nowhere without its volume',
    pod('c'),
    { claims: [claim('c', { volume: 'v' })] },
    '0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).',
  ],
  [
    'goes anywhere with a volume that all nodes reach',
    pod('c'),
    { claims: [claim('c', { volume: 'v' })], volumes: [volume('v', undefined, { owner: 'c' })] },
    'a',
  ],
  ['goes where a free volume is', pod('c'), { claims: [claim('c')], volumes: [volume('v', 'b')], classes: [byHand] }, 'b'],
  [
    'finds no volume that is promised to another',
    pod('c'),
    { claims: [claim('c')], volumes: [volume('v', 'b')], classes: [byHand], taken: ['v'] },
    NONE,
  ],
  [
    'finds no one volume for two claims',
    pod('c', 'd'),
    { claims: [claim('c'), claim('d')], volumes: [volume('v', 'b')], classes: [byHand] },
    NONE,
  ],
  [
    'goes where both claims find volumes',
    pod('c', 'd'),
    {
      claims: [claim('c', { size: '2Gi' }), claim('d')],
      volumes: [volume('v', 'b', { size: '3Gi' }), volume('w', 'b'), volume('x', 'a')],
      classes: [byHand],
    },
    'b',
  ],
  ['goes where its claim is being made', pod('c'), { claims: [claim('c', { annotations: { [SELECTED]: 'b' } })] }, 'b'],
  [
    'goes where the class lets volumes be made',
    pod('c'),
    {
      claims: [claim('c')],
      classes: [storageClass('later', { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['zone-b'] }] }] })],
    },
    'b',
  ],
  [
    'waits for claims that are bound without it',
    pod('c'),
    { claims: [claim('c', { spec: { storageClassName: 'now' } })], classes: [storageClass('now', { volumeBindingMode: 'Immediate' })] },
    'pod has unbound immediate PersistentVolumeClaims',
  ],
  [
    'waits for a volume its claim names',
    pod('c'),
    { claims: [claim('c', { spec: { volumeName: 'v' } })] },
    'pod has unbound immediate PersistentVolumeClaims',
  ],
  ['waits for a claim that is not there', pod('c'), {}, 'persistentvolumeclaim "c" not found'],
  [
    'waits for a claim that is being bound for another',
    pod('c'),
    { claims: [claim('c')], promised: ['c'] },
    'persistentvolumeclaim "c" is being bound for another pod',
  ],
  [
    'goes nowhere while another has its claim for itself',
    pod('c'),
    {
      claims: [claim('c', { volume: 'v', spec: { accessModes: ['ReadWriteOncePod'] } })],
      volumes: [volume('v', 'a', { owner: 'c' })],
      inUse: true,
    },
    '0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.',
  ],
] as const) {
  test(`a pod ${why}`, () => assert.equal(outcome(subject, world as World), wanted))
}
