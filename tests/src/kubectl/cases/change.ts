/** Verbs that change one thing of an object. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { configMap, deployment, shellPod } from '../fixtures.ts'

export const cases: readonly VerbCase[] = [
  {
    verb: 'edit',
    what: 'what the editor leaves; nothing, when it leaves all as it was; a refusal is shown and edited again',
    files: {
      'a.yaml': configMap('a', 'one'),
      change: '#!/bin/sh\nsed -i s/one/two/ "$1"\n',
      none: '#!/bin/sh\n',
      bad: '#!/bin/sh\nif grep -q \'^# .*Invalid value\' "$1"; then sed -i "s/-1$/3/" "$1"; else sed -i "s/replicas: 0/replicas: -1/" "$1"; fi\n',
      'd.yaml': deployment('app', { replicas: 0 }),
    },
    steps: [
      ['create -f a.yaml -f d.yaml', /created/],
      ['edit cm a', 'Edit cancelled, no changes made.', { env: { EDITOR: './none' } }],
      ['edit cm a', 'configmap/a edited', { env: { EDITOR: './change' } }],
      ['get cm a -o jsonpath={.data.key}', 'two'],
      ['edit deploy app -o json', 'Edit cancelled, no changes made.', { env: { KUBE_EDITOR: './none' } }],
      ['edit deploy app', /deployment\.apps\/app edited/, { env: { EDITOR: './bad' } }],
      ['get deploy app -o jsonpath={.spec.replicas}', '3'],
    ],
  },
  {
    verb: 'edit --subresource',
    what: 'the status',
    files: { 'a.yaml': pvc(), change: '#!/bin/sh\nsed -i "s/phase: Pending/phase: Lost/" "$1"\n' },
    steps: [
      ['create -f a.yaml', /created/],
      ['edit pvc data --subresource=status', 'persistentvolumeclaim/data edited', { env: { EDITOR: './change' } }],
    ],
  },
  {
    verb: 'patch',
    what: 'strategic, merge and JSON, from the line and from a file',
    files: { 'a.yaml': deployment('app', { replicas: 0 }), 'p.yaml': 'spec: { paused: true }\n' },
    steps: [
      ['create -f a.yaml', /created/],
      ['patch deploy app -p \'{"spec":{"template":{"spec":{"containers":[{"name":"two","image":"x"}]}}}}\'', 'deployment.apps/app patched'],
      ['get deploy app -o jsonpath={.spec.template.spec.containers[*].name}', 'two main'],
      ['patch deploy app --type=merge -p \'{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"x"}]}}}}\'', /patched/],
      ['get deploy app -o jsonpath={.spec.template.spec.containers[*].name}', 'main'],
      [
        'patch deploy app --type=json -p \'[{"op":"test","path":"/spec/replicas","value":0},{"op":"add","path":"/spec/replicas","value":2}]\'',
        /patched/,
      ],
      ['get deploy app -o jsonpath={.spec.replicas}', '2'],
      [
        'patch deploy app --type=json -p \'[{"op":"test","path":"/spec/replicas","value":0}]\'',
        /Error from server \(Invalid\): .*testing value \/spec\/replicas failed|the server rejected our request/,
        { code: 1 },
      ],
      ['patch -f a.yaml --patch-file=p.yaml', 'deployment.apps/app patched'],
      ['patch configmap kube-root-ca.crt -p {}', 'configmap/kube-root-ca.crt patched (no change)'],
      ['patch -f a.yaml --local -p \'{"spec":{"replicas":9}}\' -o jsonpath={.spec.replicas}', '9'],
      ['patch deploy app -p \'{"spec":{"replicas":7}}\' --dry-run=server -o jsonpath={.spec.replicas}', '7'],
    ],
  },
  {
    verb: 'patch --subresource',
    what: 'scale and status',
    files: { 'a.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      ['create -f a.yaml', /created/],
      ['patch deploy app --subresource=scale --type=merge -p \'{"spec":{"replicas":1}}\'', /app patched/],
      ['get deploy app -o jsonpath={.spec.replicas}', '1'],
      ['patch deploy app --subresource=status --type=merge -p \'{"status":{"collisionCount":3}}\'', 'deployment.apps/app patched'],
      ['get deploy app -o jsonpath={.status.collisionCount}', '3'],
    ],
  },
  {
    verb: 'label',
    what: 'sets, refuses to overwrite, overwrites, lists, removes, and does so to all',
    files: { 'a.yaml': configMap('a', 'x'), 'b.yaml': configMap('b', 'x') },
    steps: [
      ['create -f a.yaml -f b.yaml', /created/],
      ['label cm a one=1 two=2', 'configmap/a labeled'],
      ['label cm a one=1', 'configmap/a not labeled'],
      ['label cm a one=3', /'one' already has a value \(1\), and --overwrite is false/, { code: 1 }],
      ['label cm a one=3 --overwrite', 'configmap/a labeled'],
      ['label cm a --list', /^one=3$/m],
      ['label cm a two-', 'configmap/a unlabeled'],
      ['label cm -l one=3 four=4', 'configmap/a labeled'],
      ['label cm --all five=5', /configmap\/a labeled\nconfigmap\/b labeled/],
      ['label cm a six=6 --resource-version=1', /the object has been modified/, { code: 1 }],
      ["label cm a bad='no such'", /a valid label must be/, { code: 1 }],
      ['label -f b.yaml local=1 --local -o jsonpath={.metadata.labels}', '{"local":"1"}'],
    ],
  },
  {
    verb: 'annotate',
    what: 'sets, overwrites, lists, removes',
    files: { 'a.yaml': configMap('a', 'x') },
    steps: [
      ['create -f a.yaml', /created/],
      ["annotate -f a.yaml note='some words'", /^configmap\/a annotated?$/m],
      ["annotate cm a note='more'", /--overwrite is false/, { code: 1 }],
      ['annotate cm --all note=more --overwrite', /configmap\/a annotate/],
      ['annotate cm a --list', /note=more/],
      ['annotate cm a note-', /^configmap\/a annotated?$/m],
    ],
  },
  {
    verb: 'set env',
    what: 'values, from a ConfigMap, a list, and away',
    files: { 'a.yaml': deployment('app', { replicas: 0 }), 'b.yaml': configMap('settings', 'x') },
    steps: [
      ['create -f a.yaml -f b.yaml', /created/],
      ['set env deploy/app A=1 B=2', 'deployment.apps/app env updated'],
      ['set env deploy/app --from=configmap/settings --prefix=S_', /^deployment\.apps\/app env updated$/m],
      ['set env deploy/app --list', /A=1\nB=2\n# S_KEY from configmap settings, key key/],
      ['set env deploy/app --list --resolve', /S_KEY=x/],
      ['set env deploy/app A-', 'deployment.apps/app env updated'],
    ],
  },
  {
    verb: 'set image',
    what: 'of one container, and of all',
    files: { 'a.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      ['create -f a.yaml', /created/],
      ['set image deploy/app main=nginx:1.26', 'deployment.apps/app image updated'],
      ["set image deploy/app '*=nginx:1.27'", 'deployment.apps/app image updated'],
      ['set image deploy/app absent=x', /unable to find container named "absent"/, { code: 1 }],
    ],
  },
  {
    verb: 'set resources',
    what: 'limits and requests',
    files: { 'a.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      ['create -f a.yaml', /created/],
      ['set resources deploy app --limits=cpu=200m,memory=64Mi --requests=cpu=100m', 'deployment.apps/app resource requirements updated'],
      [
        'get deploy app -o jsonpath={.spec.template.spec.containers[0].resources}',
        '{"limits":{"cpu":"200m","memory":"64Mi"},"requests":{"cpu":"100m"}}',
      ],
    ],
  },
  {
    verb: 'set selector',
    what: 'of a Service',
    steps: [
      ['create service clusterip api --tcp=80', /created/],
      ['set selector service api team=x', 'service/api selector updated'],
      ['get service api -o jsonpath={.spec.selector}', '{"team":"x"}'],
    ],
  },
  {
    verb: 'set serviceaccount',
    what: 'of a Deployment',
    files: { 'a.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      ['create -f a.yaml', /created/],
      ['set serviceaccount deploy app robot', 'deployment.apps/app serviceaccount updated'],
      ['get deploy app -o jsonpath={.spec.template.spec.serviceAccountName}', 'robot'],
    ],
  },
  {
    verb: 'set subject',
    what: 'of a RoleBinding',
    steps: [
      ['create rolebinding one --clusterrole=view --user=ann', /created/],
      ['set subject rolebinding one --user=bob --group=team --serviceaccount={ns}:default', /subjects updated/],
      ['get rolebinding one -o jsonpath={.subjects[*].name}', 'ann bob team default'],
    ],
  },
  {
    verb: 'scale',
    what: 'one, several, only when it has so many now, only a version of it',
    files: { 'a.yaml': deployment('app', { replicas: 0 }), 'b.yaml': deployment('two', { replicas: 0 }) },
    steps: [
      ['create -f a.yaml -f b.yaml', /created/],
      ['scale deploy app --replicas=1', 'deployment.apps/app scaled'],
      ['scale deploy app --current-replicas=1 --replicas=2', 'deployment.apps/app scaled'],
      ['scale deploy app --current-replicas=7 --replicas=3', /Expected replicas to be 7, was 2/, { code: 1 }],
      ['scale deploy app --resource-version=1 --replicas=3', /Expected resource version to be 1/, { code: 1 }],
      ['scale -f a.yaml -f b.yaml --replicas=0', 'deployment.apps/app scaled\ndeployment.apps/two scaled'],
      ['scale deploy --all --replicas=1 --timeout=30s', /app scaled[\s\S]*two scaled/],
      ['scale rs -l app=app --replicas=1', /replicaset\.apps\/app-\w+ scaled/],
      ['scale cm kube-root-ca.crt --replicas=1', /could not find the requested resource/, { code: 1 }],
    ],
  },
  {
    verb: 'autoscale',
    what: 'a Deployment',
    partly: 'stored; nothing scales by it yet',
    files: { 'a.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      ['create -f a.yaml', /created/],
      ['autoscale deploy app --min=1 --max=3 --cpu-percent=80', /horizontalpodautoscaler\.autoscaling\/app autoscaled/],
      ['get hpa app -o jsonpath={.spec.minReplicas},{.spec.maxReplicas}', '1,3'],
      ['get horizontalpodautoscalers.v1.autoscaling app -o jsonpath={.spec.targetCPUUtilizationPercentage}', '80'],
    ],
  },
  {
    verb: 'expose',
    what: 'a Deployment, a pod, a Service',
    files: { 'a.yaml': deployment('app', { replicas: 0 }), 'p.yaml': shellPod('pod') },
    steps: [
      ['create -f a.yaml -f p.yaml', /created/],
      ['expose deploy app --port=80 --target-port=8080', 'service/app exposed'],
      ['expose pod pod --port=80 --name=of-pod --type=NodePort', 'service/of-pod exposed'],
      ['expose service app --port=81 --name=again', 'service/again exposed'],
      ['get service app of-pod again -o jsonpath={.items[*].spec.selector.app}', 'app pod app'],
    ],
  },
  {
    verb: 'taint',
    what: 'sets, overwrites and removes',
    alone: true,
    steps: [
      ['taint node node-2 k{v}=a:PreferNoSchedule', 'node/node-2 tainted'],
      [
        'taint node node-2 k{v}=b:PreferNoSchedule',
        /already has k{0,1}\d+ taint\(s\) with same effect\(s\) and --overwrite is false/,
        { code: 1 },
      ],
      ['taint node node-2 k{v}=b:PreferNoSchedule --overwrite', 'node/node-2 modified'],
      ['taint nodes --all k{v}-', /node-2 untainted/, { code: 1 }],
      ['taint nodes node-2 x{v}:NoSuch', /invalid taint effect/, { code: 1 }],
    ],
  },
  {
    verb: 'replace',
    what: 'the whole object; deletes and creates it with --force; refuses an old version',
    files: { 'a.yaml': configMap('a', 'one'), 'b.yaml': configMap('a', 'two') },
    steps: [
      ['create -f a.yaml', /created/],
      ['replace -f b.yaml', 'configmap/a replaced'],
      ['replace -f - --save-config', 'configmap/a replaced', { input: configMap('a', 'three') }],
      ['replace -f -', /the object has been modified/, { input: configMap('a', 'x', 'resourceVersion: "1"'), code: 1 }],
      ['replace -f -', /configmaps "absent" not found/, { input: configMap('absent', 'x'), code: 1 }],
    ],
    run: async context => {
      const uid = () => context.out('get cm a -o jsonpath={.metadata.uid}')
      const before = await uid()
      assert.match(await context.out('replace --force -f a.yaml'), /configmap "a" deleted[\s\S]*configmap\/a replaced/)
      assert.notEqual(await uid(), before)
    },
  },
]

function pvc(): string {
  return `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { storageClassName: absent, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }
`
}
