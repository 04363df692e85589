/** Kinds that users define, by a real kubectl against the whole API server on a real etcd; skipped where there is no kubectl. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '@davit/api'
import { makeKubeconfig } from '@davit/api/pki'
import { parseOptions } from '../../options.ts'
import { openPki } from '../../pki/index.ts'
import { type RunningApiServer, runApiServer } from '../../run-apiserver.ts'

const KUBECTL = process.env.KUBECTL ?? 'kubectl'
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: &subresources
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
    selectableFields: [{jsonPath: .spec.image}]
    additionalPrinterColumns:
    - {name: Spec, type: string, description: The schedule, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema: &schema
      openAPIV3Schema:
        type: object
        description: Runs an image now and then.
        properties:
          spec:
            type: object
            required: [cronSpec]
            x-kubernetes-validations:
            - {rule: '!has(self.limit) || self.replicas <= self.limit', message: replicas must not be above limit}
            - {rule: 'self.image == oldSelf.image', message: image is immutable, fieldPath: .image}
            properties:
              cronSpec: {type: string, pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$', description: When it runs.}
              image: {type: string, default: busybox}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
              limit: {type: integer}
              port: {x-kubernetes-int-or-string: true}
              color: {type: string, enum: [red, green]}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              inner: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, number: {type: integer}}}
          status:
            type: object
            properties:
              replicas: {type: integer}
              selector: {type: string}
              conditions: {type: array, items: {type: object, properties: {type: {type: string}, status: {type: string}}}}
  - name: v2
    served: true
    storage: false
    subresources: *subresources
    schema: *schema
`
const object = (name: string, spec: object, version = 'v1') =>
  JSON.stringify({ apiVersion: `stable.example.com/${version}`, kind: 'CronTab', metadata: { name, namespace: 'default' }, spec })
const GOOD = { cronSpec: '* * * * */5', replicas: 2, free: { a: { b: 1 } }, ports: [{ name: 'a', number: 1 }] }

const FILES: Readonly<Record<string, string>> = {
  'crd.yaml': DEFINITION,
  'columns.yaml': DEFINITION.replace('name: Spec, type: string', 'name: Spec, type: text').replace(
    'type: object\n        description',
    'description',
  ),
  'a.json': object('a', GOOD),
  'a2.json': object('a', { ...GOOD, replicas: 3, ports: [{ name: 'b', number: 2 }] }),
  'd.json': object('d', GOOD),
  'b.json': object('b', { cronSpec: '* * * * *', image: 'nginx' }, 'v2'),
  'unknown.json': object('c', { ...GOOD, nonsense: 1 }),
  'wrong.json': object('c', { cronSpec: 'never', replicas: 11, color: 'blue', port: true }),
  'type.json': object('c', { cronSpec: '* * * * *', replicas: 'many' }),
  'rule.json': object('c', { cronSpec: '* * * * *', replicas: 3, limit: 2 }),
  'inner.json': object('c', {
    cronSpec: '* * * * *',
    inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', nonsense: 1 }, more: 1 },
  }),
  'half.json': object('c', { cronSpec: '* * * * *', inner: { metadata: {} } }),
  'twice.json': object('c', { cronSpec: '* * * * *' }).replace('"cronSpec"', '"cronSpec":"1 1 1 1 1","cronSpec"'),
  'metadata.json': object('c', { cronSpec: '* * * * *' }).replace('"name"', '"nonsense":1,"name"'),
  'ports.json': object('c', { cronSpec: '* * * * *', ports: [{ name: 'a' }, { name: 'a' }] }),
}

const isThere = spawnSync(KUBECTL, ['version', '--client']).status === 0

describe('custom resources', { skip: !isThere && `no ${KUBECTL} here` }, () => {
  let directory: string
  let running: RunningApiServer
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'davit-custom-'))
    const options = parseOptions(['--data-dir', directory, '--port', '0', '--bind-address', '127.0.0.1'], [])
    if (typeof options === 'string') throw new Error('Cannot read the flags')
    const pki = await openPki({ dir: join(directory, 'pki'), serverNames: [], clock: systemClock, log: SILENT })
    running = await runApiServer({ options, pki, clock: systemClock, log: SILENT, signal: new AbortController().signal })
    const kubeconfig = makeKubeconfig({ server: `https://127.0.0.1:${running.server.port}`, ca: pki.ca.certificate, ...pki.admin })
    await writeFile(join(directory, 'kubeconfig'), kubeconfig)
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), text)
  })
  after(async () => {
    await running.close()
    await rm(directory, { recursive: true })
  })

  const kubectl = (...args: string[]) =>
    new Promise<{ code: number; text: string }>(resolve => {
      const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: join(directory, 'kubeconfig') }
      execFile(KUBECTL, args, { env, cwd: directory }, (err, stdout, stderr) =>
        resolve({ code: typeof err?.code === 'number' ? err.code : 0, text: stdout + stderr }),
      )
    })

  const steps: [string, number, RegExp][] = [
    ['get crontabs', 1, /the server doesn't have a resource type "crontabs"/],
    [
      'apply -f columns.yaml',
      1,
      /type: Required value: must not be empty at the root[\s\S]*must be one of boolean,date,integer,number,string/,
    ],
    ['apply -f crd.yaml', 0, /customresourcedefinition\.apiextensions\.k8s\.io\/crontabs\.stable\.example\.com created/],
    ['wait --for condition=established --timeout=10s crd/crontabs.stable.example.com', 0, /condition met/],
    ['get crontabs', 0, /No resources found in default namespace/],
    ['api-resources --api-group=stable.example.com', 0, /crontabs +ct +stable\.example\.com\/v2 +true +CronTab/],
    ['apply -f crd.yaml', 0, /unchanged|configured/],
    ['apply -f a.json', 0, /crontab\.stable\.example\.com\/a created/],
    ['apply -f a.json', 0, /a unchanged/],
    ['get crontabs.v1.stable.example.com', 0, /NAME +SPEC +REPLICAS +READY +AGE\na +\* \* \* \* \*\/5 +2 +\d+s/],
    ['get ct a -o jsonpath={.spec.image}{.spec.free}', 0, /^busybox\{"a":\{"b":1\}\}$/],
    ['apply -f b.json', 0, /b created/],
    ['get crontabs.v1.stable.example.com b -o jsonpath={.apiVersion}:{.spec.replicas}', 0, /^stable\.example\.com\/v1:1$/],
    ['get crontabs.v1.stable.example.com --field-selector spec.image=nginx -o name', 0, /^crontab\.stable\.example\.com\/b\n$/],
    ['get crontabs.v1.stable.example.com --field-selector spec.color=red', 1, /field label not supported: spec\.color/],
    ['get all -o name', 0, /crontab\.stable\.example\.com\/a/],
    ['apply -f unknown.json', 1, /strict decoding error: unknown field "spec\.nonsense"/],
    ['apply -f unknown.json --validate=warn', 0, /Warning: unknown field "spec\.nonsense"/],
    ['create -f inner.json', 1, /unknown field "spec\.inner\.metadata\.nonsense"/],
    ['create -f half.json', 1, /spec\.inner\.apiVersion: Required value: must not be empty/],
    [
      'create --raw /apis/stable.example.com/v1/namespaces/default/crontabs?fieldValidation=Strict -f twice.json',
      1,
      /duplicate field "spec\.cronSpec"/,
    ],
    ['create -f metadata.json', 1, /unknown field "metadata\.nonsense"/],
    ['get ct c -o jsonpath={.spec.nonsense}', 0, /^$/],
    ['delete ct c', 0, /"c" deleted/],
    ['create -f wrong.json', 1, /spec\.color: Unsupported value: "blue": supported values: "red", "green"/],
    ['create -f wrong.json', 1, /spec\.cronSpec: Invalid value: "never": spec\.cronSpec in body should match '\^/],
    ['create -f wrong.json', 1, /spec\.replicas: Invalid value: 11: spec\.replicas in body should be less than or equal to 10/],
    ['create -f wrong.json', 1, /spec\.port: Invalid value: "boolean": spec\.port in body must be of type integer,string: "boolean"/],
    ['create -f type.json', 1, /spec\.replicas: Invalid value: "string": spec\.replicas in body must be of type integer: "string"/],
    ['create -f rule.json', 1, /spec: Invalid value: "object": replicas must not be above limit/],
    ['create -f ports.json', 1, /spec\.ports\[1\]: Duplicate value: \{"name":"a"\}/],
    ['patch ct a --type=merge -p {"spec":{"image":"other"}}', 1, /spec\.image: Invalid value: "object": image is immutable/],
    [
      'patch ct a --type=strategic -p {"spec":{"replicas":4}}',
      1,
      /application\/strategic-merge-patch\+json is not supported|415|UnsupportedMediaType|unknown format/,
    ],
    ['patch ct a --type=json -p [{"op":"replace","path":"/spec/replicas","value":5}]', 0, /patched/],
    ['scale crontabs.v1.stable.example.com/a --replicas=4 --current-replicas=5', 0, /scaled/],
    ['get ct a -o jsonpath={.metadata.generation}:{.spec.replicas}', 0, /^3:4$/],
    [
      'patch crontabs.v1.stable.example.com a --subresource=status --type=merge -p {"status":{"conditions":[{"type":"Ready","status":"True"}]}}',
      0,
      /patched/,
    ],
    ['get crontabs.v1.stable.example.com a --no-headers', 0, /^a +\* \* \* \* \*\/5 +4 +True/],
    [
      'apply --server-side --field-manager=two -f a2.json',
      1,
      /conflict with "kubectl" with subresource "scale" using stable\.example\.com\/v2/,
    ],
    ['apply --server-side --field-manager=two --force-conflicts -f a2.json', 0, /serverside-applied/],
    ['get ct a -o jsonpath={.spec.replicas}{.spec.ports[*].name}', 0, /^3b$/],
    ['apply --server-side -f d.json', 0, /d serverside-applied/],
    ['explain crontabs.spec.cronSpec --api-version=stable.example.com/v1', 0, /FIELD: cronSpec <string>[\s\S]*When it runs\./],
    ['explain crontabs', 0, /Runs an image now and then\./],
    ['get crd', 0, /NAME +CREATED AT\ncrontabs\.stable\.example\.com +20/],
    ['delete crd crontabs.stable.example.com --timeout=20s', 0, /deleted/],
    ['get crontabs', 1, /the server doesn't have a resource type|could not find the requested resource/],
    ['apply -f crd.yaml', 0, /created/],
    ['wait --for condition=established --timeout=10s crd/crontabs.stable.example.com', 0, /condition met/],
    ['get crontabs', 0, /No resources found/],
  ]
  for (const [command, code, output] of steps) {
    it(`runs ${command}`, async () => {
      const result = await kubectl(...command.split(' '))
      assert.equal(result.code, code, result.text)
      assert.match(result.text, output)
    })
  }
})
