/** `kubectl apply` of either kind, and `diff`, which shows what it would do. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { configMap, deployment } from '../fixtures.ts'

export const cases: readonly VerbCase[] = [
  {
    verb: 'apply',
    what: 'creates, changes, leaves alone, and takes away what is no longer said',
    files: {
      'a.yaml': deployment('app', { replicas: 0 }),
      'b.yaml': `${deployment('app', { replicas: 0 })}          env: [{ name: A, value: b }, { name: C, value: d }]\n`,
      'c.yaml': `${deployment('app', { replicas: 0 })}          env: [{ name: C, value: d }]\n`,
    },
    steps: [
      ['apply -f a.yaml', 'deployment.apps/app created'],
      ['apply -f a.yaml', 'deployment.apps/app unchanged'],
      ['apply -f b.yaml', 'deployment.apps/app configured'],
      ['set env deployment/app LIVE=1', 'deployment.apps/app env updated'],
      ['apply -f c.yaml', 'deployment.apps/app configured'],
      ['get deploy app -o jsonpath={.spec.template.spec.containers[0].env[*].name}', 'C LIVE'],
    ],
  },
  {
    verb: 'apply --dry-run',
    what: 'by the client and by the server, and nothing is stored',
    files: { 'a.yaml': configMap('a', 'one'), 'b.yaml': configMap('a', 'two') },
    steps: [
      ['apply -f a.yaml --dry-run=client', 'configmap/a created (dry run)'],
      ['apply -f a.yaml --dry-run=server', 'configmap/a created (server dry run)'],
      ['get cm a', /NotFound/, { code: 1 }],
      ['apply -f a.yaml', 'configmap/a created'],
      ['apply -f b.yaml --dry-run=server -o jsonpath={.data.key}', 'two'],
      ['apply -f b.yaml --dry-run=server', 'configmap/a configured (server dry run)'],
      ['get cm a -o jsonpath={.data.key}', 'one'],
    ],
  },
  {
    verb: 'apply --prune',
    what: 'removes what was applied with the label and is no longer there',
    files: { 'a.yaml': configMap('a', 'x', 'labels: { set: s }'), 'b.yaml': configMap('b', 'x', 'labels: { set: s }') },
    steps: [
      ['apply -f a.yaml -f b.yaml', /a created\nconfigmap\/b created/],
      ['apply -f a.yaml --prune -l set=s', /configmap\/a unchanged\n(.*\n)*configmap\/b pruned/],
      ['apply -f b.yaml', /created/],
      ['apply -f a.yaml --prune --all --prune-allowlist=core/v1/ConfigMap', /configmap\/b pruned/],
      ['get cm -l set=s -o name', 'configmap/a'],
    ],
  },
  {
    verb: 'apply --force',
    what: 'deletes and creates anew what cannot be changed',
    files: {
      'a.yaml': `${configMap('a', 'one')}immutable: true\n`,
      'b.yaml': `${configMap('a', 'two')}immutable: true\n`,
    },
    steps: [
      ['apply -f a.yaml', 'configmap/a created'],
      ['apply -f b.yaml', /field is immutable when `immutable` is set/, { code: 1 }],
      ['apply -f b.yaml --force', 'configmap/a configured'],
      ['get cm a -o jsonpath={.data.key}', 'two'],
    ],
  },
  {
    verb: 'apply view-last-applied',
    what: 'and set-last-applied, edit-last-applied',
    files: {
      'a.yaml': configMap('a', 'one'),
      'b.yaml': configMap('a', 'two'),
      editor: '#!/bin/sh\nsed -i s/two/three/ "$1"\n',
    },
    steps: [
      ['create -f a.yaml', 'configmap/a created'],
      ['apply view-last-applied cm/a', ''],
      ['apply set-last-applied -f b.yaml', /no last-applied-configuration annotation/, { code: 1 }],
      ['apply set-last-applied -f b.yaml --create-annotation', 'configmap/a configured'],
      ['apply view-last-applied cm/a -o json', /"key": "two"/],
      ['apply view-last-applied -f a.yaml', /key: two/],
    ],
    run: async context => {
      await context.run('apply edit-last-applied cm/a', { env: { EDITOR: `${context.dir}/editor` } })
      assert.match(await context.out('apply view-last-applied cm/a'), /key: three/)
      assert.equal(await context.out('get cm a -o jsonpath={.data.key}'), 'one')
    },
  },
  {
    verb: 'apply --server-side',
    what: 'owns fields, names every field it may not take, and takes them when forced',
    files: {
      'a.yaml': deployment('app', { replicas: 0 }),
      'b.yaml': deployment('app', { replicas: 1, image: 'nginx:1.26' }),
    },
    steps: [
      ['apply --server-side --field-manager=one -f a.yaml', 'deployment.apps/app serverside-applied'],
      [
        'apply --server-side --field-manager=two -f b.yaml',
        /Apply failed with 2 conflicts: conflicts with "one":\n- \.spec\.replicas\n- \.spec\.template\.spec\.containers\[name="main"\]\.image\n/,
        { code: 1 },
      ],
      ['apply --server-side --field-manager=two --force-conflicts -f b.yaml', 'deployment.apps/app serverside-applied'],
      ['get deploy app --show-managed-fields -o \'jsonpath={.metadata.managedFields[?(@.operation=="Apply")].manager}\'', 'one two'],
      ['get deploy app -o jsonpath={.spec.replicas}', '1'],
      ['apply --server-side --field-manager=two --dry-run=server -f b.yaml', 'deployment.apps/app serverside-applied (server dry run)'],
    ],
  },
  {
    verb: 'apply --server-side',
    what: 'takes over what was applied by the client, and back',
    files: { 'a.yaml': configMap('a', 'one, old: gone'), 'b.yaml': configMap('a', 'two') },
    steps: [
      ['apply -f a.yaml', 'configmap/a created'],
      ['apply --server-side -f b.yaml', 'configmap/a serverside-applied'],
      ['get cm a -o jsonpath={.data}', '{"key":"two"}'],
      ['apply -f a.yaml', 'configmap/a configured'],
      ['get cm a -o jsonpath={.data}', '{"key":"one","old":"gone"}'],
    ],
  },
  {
    verb: 'apply -k',
    what: 'a kustomization with names, labels, generated data and a patch',
    files: kustomization(),
    steps: [
      ['apply -k over', /^configmap\/pre-settings-[a-z0-9]{10} created\ndeployment\.apps\/pre-app created$/m],
      [
        'get deploy pre-app -o jsonpath={.spec.replicas},{.metadata.labels.team},{.spec.template.spec.containers[0].image}',
        '0,x,nginx:1.26',
      ],
      ['get -k over -o name', /deployment\.apps\/pre-app/],
      ['diff -k over', ''],
      ['delete -k over', /deleted[\s\S]*deleted/],
    ],
  },
  {
    verb: 'kustomize',
    what: 'prints what a folder makes',
    files: kustomization(),
    steps: [['kustomize over', /kind: ConfigMap[\s\S]*name: pre-app/, { anywhere: true }]],
  },
  {
    verb: 'diff',
    what: 'of client-side and server-side apply, with kubectl’s exit codes',
    files: { 'a.yaml': configMap('a', 'one'), 'b.yaml': configMap('a', 'two'), 'c.yaml': configMap('c', 'new') },
    steps: [
      ['diff -f a.yaml', /^\+ {2}key: one$/m, { code: 1 }],
      ['apply -f a.yaml', 'configmap/a created'],
      ['diff -f a.yaml', ''],
      ['diff -f b.yaml', /^- {2}key: one\n\+ {2}key: two$/m, { code: 1 }],
      ['apply --server-side -f c.yaml', /applied/],
      ['diff --server-side -f c.yaml', ''],
      ['diff --server-side --force-conflicts -f b.yaml', /^- {2}key: one\n\+ {2}key: two$/m, { code: 1 }],
      ['diff --prune -l x=y -f a.yaml', /^(W.*)?\s*$/],
    ],
  },
  ...validations(),
]

/** A base with an overlay. */
function kustomization(): Record<string, string> {
  return {
    'base/kustomization.yaml': 'resources: [app.yaml]\nconfigMapGenerator: [{ name: settings, literals: [a=b] }]\n',
    'base/app.yaml': deployment('app', { replicas: 0 }),
    'over/kustomization.yaml':
      'resources: [../base]\nnamePrefix: pre-\nlabels: [{ pairs: { team: x } }]\nimages: [{ name: nginx, newTag: "1.26" }]\n',
  }
}

/** Fields that no schema knows. A server-side apply cannot do without a schema. */
function validations(): VerbCase[] {
  const files = { 'a.yaml': `${deployment('app', { replicas: 0 })}          imagee: x\n` }
  const unknown = /unknown field "spec\.template\.spec\.containers\[0\]\.imagee"/
  const untyped = /\.spec\.template\.spec\.containers\[name="main"\]\.imagee: field not declared in schema/
  const judged = ['create', 'apply'].map(
    (verb): VerbCase => ({
      verb: '--validate',
      what: `strict, warn and ignore of ${verb}`,
      files,
      steps: [
        [`${verb} -f a.yaml`, unknown, { code: 1 }],
        [`${verb} -f a.yaml --validate=strict`, unknown, { code: 1 }],
        [
          `${verb} -f a.yaml --validate=warn --dry-run=server`,
          /^deployment[\s\S]*Warning: unknown field "spec\.template\.spec\.containers\[0\]\.imagee"/,
        ],
        [`${verb} -f a.yaml --validate=ignore`, 'deployment.apps/app created'],
      ],
    }),
  )
  return [
    ...judged,
    {
      verb: '--validate',
      what: 'strict, warn and ignore of a server-side apply, which needs to know each field',
      files,
      steps: ['strict', 'warn', 'ignore'].map(how => [`apply --server-side -f a.yaml --validate=${how}`, untyped, { code: 1 }]),
    },
  ]
}
