/** `kubectl delete`, with each way of treating what an object owns. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { configMap, deployment, shellPod } from '../fixtures.ts'

const files = { 'd.yaml': deployment('app') }
const READY = [
  ['create -f d.yaml', /created/],
  ['rollout status deploy/app --timeout=60s', /rolled out/],
] as const

export const cases: readonly VerbCase[] = [
  {
    verb: 'delete --cascade=background',
    what: 'what it owns goes after it',
    files,
    steps: [...READY, ['delete deploy app --cascade=background', /^deployment\.apps "app" deleted/]],
    run: async context => void (await context.until('get rs,pods -l app=app', /^No resources found/)),
  },
  {
    verb: 'delete --cascade=foreground',
    what: 'what it owns goes before it',
    files,
    steps: [
      ...READY,
      ['delete deploy app --cascade=foreground', /^deployment\.apps "app" deleted/],
      ['get deploy,rs,pods -l app=app', 'No resources found in {ns} namespace.'],
    ],
  },
  {
    verb: 'delete --cascade=orphan',
    what: 'what it owns stays, with no owner',
    files,
    steps: [
      ...READY,
      ['delete deploy app --cascade=orphan', /^deployment\.apps "app" deleted/],
      ['get rs -l app=app -o jsonpath={.items[*].metadata.ownerReferences}', ''],
      ['get rs,pods -l app=app', /replicaset\.apps\/app-[\s\S]*pod\/app-/],
    ],
  },
  {
    verb: 'delete',
    what: 'by name, label, field, file, all; dry; a missing one; raw',
    files: { 'all.yaml': ['a', 'b', 'c', 'd', 'e'].map(name => configMap(name, 'x', `labels: { k: ${name} }`)).join('---\n') },
    steps: [
      ['create -f all.yaml', /created/],
      ['delete cm a --dry-run=server', /^configmap "a" deleted .*\(server dry run\)/],
      ['delete cm a --dry-run=client', /^configmap "a" deleted .*\(dry run\)/],
      ['delete cm a', /^configmap "a" deleted/],
      ['delete cm -l k=b', /^configmap "b" deleted/],
      ['delete cm --field-selector metadata.name=c', /^configmap "c" deleted/],
      ['delete cm absent', /NotFound/, { code: 1 }],
      ['delete cm absent --ignore-not-found', ''],
      ['delete cm d -o name', 'configmap/d'],
      ['delete --raw /api/v1/namespaces/{ns}/configmaps/e', /"status": ?"Success"/],
      ['create -f all.yaml', /created/],
      ['delete -f all.yaml', /configmap "a" deleted[\s\S]*configmap "e" deleted/],
      ['delete cm --all', /kube-root-ca\.crt/],
    ],
  },
  {
    verb: 'delete -i',
    what: 'asks first',
    since: 29,
    files: { 'a.yaml': configMap('a', 'x') },
    steps: [
      ['create -f a.yaml', /created/],
      ['delete -i cm a', /Do you want to continue\? \(y\/[nN]\)/, { input: 'n\n' }],
      ['get cm a -o name', 'configmap/a'],
      ['delete -i cm a', /configmap "a" deleted/, { input: 'y\n' }],
    ],
  },
  {
    verb: 'delete --now',
    what: 'pods at once, with grace, and by force',
    files: { 'all.yaml': ['a', 'b', 'c'].map(name => shellPod(name, 'while :; do sleep 1; done')).join('---\n') },
    steps: [
      ['create -f all.yaml', /created/],
      ['wait pod --all --for=condition=Ready --timeout=60s', /met/],
      ['delete pod a --now', /^pod "a" deleted/],
      ['delete pod b --grace-period=1', /^pod "b" deleted/],
      ['delete pod c --force', /pod "c" force deleted[\s\S]*Immediate deletion does not wait/],
    ],
    run: async context => assert.equal(await context.out('get pods -o name'), ''),
  },
]
