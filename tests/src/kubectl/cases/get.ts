/** `kubectl get` in each form it prints, and what it asks for. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { configMap, deployment } from '../fixtures.ts'

const NAMES = ['c', 'a', 'b']
const THREE = { 'all.yaml': NAMES.map((name, index) => configMap(name, `v${index}`, `labels: { k: k${index}, all: x }`)).join('---\n') }
const CREATE = ['create -f all.yaml', /created/] as const

export const cases: readonly VerbCase[] = [
  {
    verb: 'get -o json',
    what: 'and yaml, of one and of many',
    files: THREE,
    run: async context => {
      await context.run('create -f all.yaml')
      assert.equal(JSON.parse(await context.out('get cm a -o json')).data.key, 'v1')
      assert.deepEqual(
        JSON.parse(await context.out('get cm -l all=x -o json')).items.map((item: { metadata: { name: string } }) => item.metadata.name),
        ['a', 'b', 'c'],
      )
      assert.match(await context.out('get cm a -o yaml'), /^apiVersion: v1\ndata:\n {2}key: v1\nkind: ConfigMap\nmetadata:\n/)
      assert.doesNotMatch(await context.out('get cm a -o yaml'), /managedFields/)
      assert.match(await context.out('get cm a -o yaml --show-managed-fields'), /managedFields:\n {2}- apiVersion: v1\n/)
    },
  },
  {
    verb: 'get -o name',
    what: 'and wide, jsonpath, go-template, custom-columns, each from a file too',
    files: { ...THREE, 'j.txt': '{.data.key}', 't.txt': '{{.data.key}}', 'c.txt': 'NAME         KEY\nmetadata.name data.key\n' },
    steps: [
      CREATE,
      ['get cm -l all=x -o name', 'configmap/a\nconfigmap/b\nconfigmap/c'],
      ['get cm -l all=x -o \'jsonpath={range .items[*]}{.metadata.name}={.data.key}{"\\n"}{end}\'', 'a=v1\nb=v2\nc=v0'],
      ['get cm a -o jsonpath-file=j.txt', 'v1'],
      ['get cm a -o jsonpath-as-json={.data.key}', /\[\s+"v1"\s+\]/],
      ["get cm -l all=x -o 'go-template={{range .items}}{{.metadata.name}} {{end}}'", 'a b c'],
      ['get cm a -o go-template-file=t.txt', 'v1'],
      ['get cm a --template={{.kind}}', 'ConfigMap'],
      [
        'get cm -l all=x -o custom-columns=N:.metadata.name,K:.data.key,X:.data.none',
        /^N +K +X\na +v1 +<none>\nb +v2 +<none>\nc +v0 +<none>$/m,
      ],
      ['get cm a -o custom-columns-file=c.txt', /^NAME +KEY\na +v1$/m],
      ['get pod box -n {shared} -o wide', /^box +2\/2 +Running +0 +\S+ +10\.\S+ +node-\d +<none> +<none>$/m, { anywhere: true }],
      ['get nodes -o wide', /^node-1 +Ready +.*v1\.\S+ +\d\S+ +<none> +.*docker:\/\//m],
      ['get svc web -n {shared} -o wide', /^web +ClusterIP +\S+ +<none> +80\/TCP +\S+ +app=web$/m, { anywhere: true }],
      ['get deploy web -n {shared} -o wide', /^web +2\/2 +2 +2 +\S+ +nginx +nginx:1\.25 +app=web$/m, { anywhere: true }],
    ],
  },
  {
    verb: 'get',
    what: 'sorted, with labels, in chunks, by field, without headings, several kinds, what is not there',
    files: { ...THREE, 'd.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      CREATE,
      ['get cm -l all=x --sort-by=.data.key', /^NAME +DATA +AGE\nc +1 +\S+\na +1 +\S+\nb +1 +\S+$/m],
      ['get cm -l all=x --show-labels', /^a +1 +\S+ +all=x,k=k1$/m],
      ['get cm -l all=x -L k,none', /^NAME +DATA +AGE +K +NONE\na +1 +\S+ +k1 *$/m],
      ['get cm -l all=x --chunk-size=1', /^a .*\nb .*\nc .*$/m],
      ['get cm --field-selector metadata.name=b -o name', 'configmap/b'],
      [
        'get cm --field-selector data.key=b',
        /"data\.key" is not a known field selector: only "metadata\.name", "metadata\.namespace"/,
        { code: 1 },
      ],
      ["get cm -l 'k in (k1,k2),!other' --no-headers", /^a +1 +\S+\nb +1 +\S+\n$/],
      ['create -f d.yaml', /created/],
      ['get cm,deploy -l all=x', /^configmap\/a .*[\s\S]*configmap\/c/m],
      ['get cm/a deploy/app -o name', 'configmap/a\ndeployment.apps/app'],
      ['get all', /deployment\.apps\/app +0\/0/],
      ['get cm absent', 'Error from server (NotFound): configmaps "absent" not found', { code: 1 }],
      ['get cm absent --ignore-not-found', ''],
      ['get unicorns', `error: the server doesn't have a resource type "unicorns"`, { code: 1 }],
      ['get cm -l all=y', 'No resources found in {ns} namespace.'],
      ['get cm -A -l all=x', /^NAMESPACE +NAME +DATA +AGE$/m],
      ['get cm -A -l all=x', /^\S+ +a +1 +\S+$/m],
      ['get deployments.v1.apps app -o name', 'deployment.apps/app'],
      ['get -f d.yaml -o name', 'deployment.apps/app'],
      ['get -f d.yaml --server-print=false', /^NAME +AGE\napp +\S+\n$/],
    ],
  },
  {
    verb: 'get -w',
    what: 'first what is there, then each change; --output-watch-events says which',
    files: THREE,
    run: async context => {
      await context.run('create -f all.yaml')
      const watching = await context.start('get cm -l all=x -w --output-watch-events')
      await watching.prints(/ADDED +a .*\nADDED +b .*\nADDED +c .*\n/)
      await context.run('label cm a more=x')
      await watching.prints(/MODIFIED +a /)
      await context.run('delete cm b')
      await watching.prints(/DELETED +b /)
      const one = await context.start('get cm a -w -o jsonpath={.data.key}')
      await one.prints(/v1/)
      await context.run('patch cm a -p \'{"data":{"key":"later"}}\'')
      await one.prints(/later/)
    },
  },
  {
    verb: 'get --watch-only',
    what: 'only changes',
    files: THREE,
    run: async context => {
      await context.run('create -f all.yaml')
      const watching = await context.start('get cm -l all=x --watch-only -o name')
      // Only a change after its watch began is seen: one is made until it is.
      let seen = false
      const first = watching.prints(/configmap\/\w/).then(found => {
        seen = true
        return found
      })
      for (let n = 0; !seen && n < 50; n++) await context.run(`label cm c --overwrite k=w${n}`)
      assert.equal((await first)[0], 'configmap/c')
    },
  },
  {
    verb: 'get --subresource',
    what: 'status and scale',
    files: { 'd.yaml': deployment('app', { replicas: 0 }) },
    steps: [
      ['create -f d.yaml', /created/],
      ['get deploy app --subresource=status -o jsonpath={.kind}', 'Deployment'],
      ['get deploy app --subresource=scale -o jsonpath={.kind},{.spec.replicas}', 'Scale,0'],
      ['get deploy app --subresource=scale', /^NAME +DESIRED +AVAILABLE +AGE\napp +0 +0 +\S+$/m],
    ],
  },
  {
    verb: 'get --raw',
    what: 'any path',
    steps: [
      ['get --raw /healthz', 'ok', { anywhere: true }],
      ['get --raw /livez?verbose', /\[\+\]ping ok/, { anywhere: true }],
      ['get --raw /readyz', 'ok', { anywhere: true }],
      ['get --raw /api/v1/namespaces/{ns}', /"kind": ?"Namespace"/, { anywhere: true }],
      ['get --raw /nothing', /NotFound/, { anywhere: true, code: 1 }],
      ['get --raw /metrics', /^# HELP /m, { anywhere: true }],
    ],
  },
]
