/** Verbs for those who look after nodes. Nodes belong to all, so these run alone. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { deployment, shellPod } from '../fixtures.ts'

/** Runs on node-2, whatever becomes of it. */
const PINNED = 'nodeName: node-2'

export const cases: readonly VerbCase[] = [
  {
    verb: 'cordon',
    what: 'and uncordon',
    alone: true,
    steps: [
      ['cordon node-2 --dry-run=server', 'node/node-2 cordoned (server dry run)'],
      ['cordon node-2', 'node/node-2 cordoned'],
      ['cordon node-2', 'node/node-2 already cordoned'],
      ['get node node-2', /^node-2 +Ready,SchedulingDisabled/m],
      ['uncordon node-2', 'node/node-2 uncordoned'],
    ],
  },
  {
    verb: 'drain',
    what: 'refuses what would be lost, then evicts what it may',
    alone: true,
    files: {
      'bare.yaml': shellPod('bare', undefined, { spec: PINNED }),
      'data.yaml': `${shellPod('data', undefined, { spec: `${PINNED}\n  volumes: [{ name: v, emptyDir: {} }]` })}`,
      'app.yaml': deployment('app', { replicas: 3 }),
    },
    steps: [
      ['create -f bare.yaml -f data.yaml -f app.yaml', /created/],
      ['wait pod --all --for=condition=Ready --timeout=60s', /met/],
      ['drain node-2 --pod-selector=app=bare', /declare no controller/, { code: 1 }],
      ['drain node-2 --pod-selector=app=bare --force --dry-run=server', /node\/node-2 drained \(server dry run\)/],
      ['drain node-2 --pod-selector=app=data --force', /Pods with local storage \(use --delete-emptydir-data to override\)/, { code: 1 }],
      ['drain node-2 --pod-selector=app=data --force --delete-emptydir-data --timeout=60s', /pod\/data evicted\nnode\/node-2 drained/],
      [
        "drain node-2 --pod-selector='app in (bare,app)' --force --timeout=60s",
        /pod\/bare evicted[\s\S]*node\/node-2 drained|node\/node-2 drained/,
      ],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['uncordon node-2', /uncordoned/],
    ],
    run: async context => assert.doesNotMatch(await context.out('get pods -o wide'), /node-2/),
  },
  {
    verb: 'drain',
    what: 'waits while a PodDisruptionBudget forbids, and goes on when it allows',
    alone: true,
    files: {
      'app.yaml': shellPod('app', undefined, { spec: PINNED }),
    },
    steps: [
      ['create -f app.yaml', /created/],
      ['wait pod/app --for=condition=Ready --timeout=60s', /met/],
      ['create pdb keep --selector=app=app --min-available=1', /created/],
      ['wait pdb/keep --for=jsonpath={.status.currentHealthy}=1 --timeout=20s', /met/],
      ['get pdb keep -o jsonpath={.status.disruptionsAllowed},{.status.desiredHealthy},{.status.expectedPods}', '0,1,1'],
    ],
    run: async context => {
      const draining = await context.start('drain node-2 --pod-selector=app=app --force --timeout=50s')
      await draining.prints(/Cannot evict pod as it would violate the pod's disruption budget/)
      await context.run('delete pdb keep')
      await draining.prints(/node\/node-2 drained/)
      await context.run('uncordon node-2')
    },
  },
  {
    verb: 'drain --disable-eviction',
    what: 'deletes, whatever a PodDisruptionBudget says',
    alone: true,
    files: { 'app.yaml': shellPod('app', undefined, { spec: PINNED }) },
    steps: [
      ['create -f app.yaml', /created/],
      ['create pdb keep --selector=app=app --min-available=1', /created/],
      ['wait pod/app --for=condition=Ready --timeout=60s', /met/],
      ['drain node-2 --pod-selector=app=app --force --disable-eviction --timeout=60s', /pod\/app deleted|evicted[\s\S]*drained/],
      ['uncordon node-2', /uncordoned/],
    ],
  },
  {
    verb: 'drain --ignore-daemonsets',
    what: 'leaves what a DaemonSet has there',
    alone: true,
    partly: 'the pod is put there by the test; nothing runs DaemonSets yet',
    files: { 'ds.yaml': daemonSet() },
    run: async context => {
      await context.run('create -f ds.yaml')
      const uid = await context.out('get ds each -o jsonpath={.metadata.uid}')
      const owner = `{ apiVersion: apps/v1, kind: DaemonSet, name: each, uid: ${uid}, controller: true }`
      const pod = shellPod('of-set', undefined, { spec: PINNED }).replace('name: of-set,', `name: of-set, ownerReferences: [${owner}],`)
      await context.run('create -f -', { input: pod })
      await context.run('drain node-2 --pod-selector=app=of-set', { code: 1 })
      const { stdout, stderr } = await context.run('drain node-2 --pod-selector=app=of-set --ignore-daemonsets')
      assert.match(stderr, /ignoring DaemonSet-managed Pods: \S+\/of-set/)
      assert.match(stdout, /node\/node-2 drained/)
      await context.run('uncordon node-2')
    },
  },
  {
    verb: 'top',
    what: 'says that there are no metrics',
    partly: 'there is no metrics API',
    steps: [
      ['top nodes', 'error: Metrics API not available', { code: 1 }],
      ['top pods', 'error: Metrics API not available', { code: 1 }],
    ],
  },
]

function daemonSet(): string {
  return deployment('each').replace('kind: Deployment', 'kind: DaemonSet').replace('replicas: 1', 'revisionHistoryLimit: 1')
}
