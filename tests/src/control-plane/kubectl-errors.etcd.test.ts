/** What an unmodified kubectl prints for the commonest mistakes: the same lines as before a Kubernetes cluster. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { deployment, withContainer } from './manifests.ts'

/** Undefined where it is not here and cannot be fetched. */
const binary = await kubectlBinary(33).catch(() => undefined)

const BAD_REQUEST =
  'Error from server (BadRequest): error when creating "manifest.json": Deployment in version "v1" cannot be handled as a Deployment: '

interface Case {
  readonly what: string
  /** Written to manifest.json. */
  readonly manifest?: unknown
  readonly args: string
  readonly code?: number
  readonly wanted: string
}

const cases: readonly Case[] = [
  {
    what: 'a wrong type',
    manifest: deployment(({ spec }) => Object.assign(spec, { replicas: 'three' })),
    args: 'apply -f manifest.json',
    wanted: `${BAD_REQUEST}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32\n`,
  },
  {
    what: 'unknown fields',
    manifest: deployment(({ spec }) => Object.assign(spec, { replica: 3 })),
    args: 'apply -f manifest.json',
    wanted: `${BAD_REQUEST}strict decoding error: unknown field "spec.replica"\n`,
  },
  {
    what: 'unknown fields with --validate=warn',
    manifest: deployment(({ spec }) => Object.assign(spec, { replica: 3 })),
    args: 'apply -f manifest.json --validate=warn --dry-run=server',
    code: 0,
    wanted: 'Warning: unknown field "spec.replica"\ndeployment.apps/web created (server dry run)\n',
  },
  {
    what: 'unknown fields with --validate=false',
    manifest: deployment(({ spec }) => Object.assign(spec, { replica: 3 })),
    args: 'apply -f manifest.json --validate=false --dry-run=server',
    code: 0,
    wanted: 'deployment.apps/web created (server dry run)\n',
  },
  {
    what: 'a bad quantity',
    manifest: withContainer({ resources: { limits: { memory: '64 megabytes' } } }),
    args: 'create -f manifest.json',
    wanted: `${BAD_REQUEST}quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'\n`,
  },
  {
    what: 'a selector that does not match',
    manifest: deployment(({ spec }) => Object.assign(spec.selector.matchLabels, { app: 'shop' })),
    args: 'apply -f manifest.json',
    wanted:
      'The Deployment "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`\n',
  },
  {
    what: 'several mistakes',
    manifest: deployment(({ spec }) => {
      Object.assign(spec, { replicas: -1 })
      spec.template.spec.containers = []
    }),
    args: 'apply -f manifest.json',
    wanted:
      'The Deployment "web" is invalid: \n* spec.replicas: Invalid value: -1: must be greater than or equal to 0\n* spec.template.spec.containers: Required value\n',
  },
  {
    what: 'a bad name',
    manifest: deployment(undefined, 'Web_1'),
    args: 'apply -f manifest.json',
    wanted:
      "The Deployment \"Web_1\" is invalid: metadata.name: Invalid value: \"Web_1\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n",
  },
  {
    what: 'an immutable field changed',
    manifest: deployment(({ spec }) => {
      spec.selector.matchLabels = { app: 'shop' }
      spec.template.metadata = { labels: { app: 'shop' } }
    }, 'there'),
    args: 'apply -f manifest.json',
    wanted: 'The Deployment "there" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"shop"}}: field is immutable\n',
  },
  {
    what: 'one that exists',
    manifest: deployment(undefined, 'there'),
    args: 'create -f manifest.json',
    wanted: 'Error from server (AlreadyExists): error when creating "manifest.json": deployments.apps "there" already exists\n',
  },
  {
    what: 'an old version',
    manifest: deployment(({ metadata }) => Object.assign(metadata, { resourceVersion: '1' }), 'there'),
    args: 'replace -f manifest.json',
    wanted:
      'Error from server (Conflict): error when replacing "manifest.json": Operation cannot be fulfilled on deployments.apps "there": the object has been modified; please apply your changes to the latest version and try again\n',
  },
  {
    what: 'a namespace that is not there',
    manifest: deployment(),
    args: 'apply -n nowhere -f manifest.json',
    wanted: 'Error from server (NotFound): error when creating "manifest.json": namespaces "nowhere" not found\n',
  },
  {
    what: 'a version that is not served',
    manifest: { ...deployment(), apiVersion: 'apps/v2' },
    args: 'apply -f manifest.json',
    wanted:
      'error: resource mapping not found for name: "web" namespace: "" from "manifest.json": no matches for kind "Deployment" in version "apps/v2"\nensure CRDs are installed first\n',
  },
  { what: 'what is not there', args: 'get pods nope', wanted: 'Error from server (NotFound): pods "nope" not found\n' },
  { what: 'what is no resource', args: 'get nopes', wanted: 'error: the server doesn\'t have a resource type "nopes"\n' },
  {
    what: 'a bad selector',
    args: 'get pods -l a=b=c',
    wanted:
      'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a=b=c", field selector "": found \'=\', expected: \',\' or \'end of string\'\n',
  },
  {
    what: 'a field that cannot be selected by',
    args: 'get pods --field-selector spec.image=x',
    wanted:
      'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.image=x": field label not supported: spec.image\n',
  },
  {
    what: 'a patch of a wrong type',
    args: 'patch deploy there -p {"spec":{"replicas":"x"}}',
    wanted:
      'Error from server (BadRequest): Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32\n',
  },
  {
    what: 'a patch of an unknown field',
    args: 'patch deploy there --type=merge -p {"spec":{"bogus":1}}',
    code: 0,
    wanted: 'Warning: unknown field "spec.bogus"\ndeployment.apps/there patched (no change)\n',
  },
  {
    what: 'a namespace the cluster lives by',
    args: 'delete ns kube-system',
    wanted: 'Error from server (Forbidden): namespaces "kube-system" is forbidden: this namespace may not be deleted\n',
  },
  {
    what: "others' rights",
    args: 'get secrets --as nobody',
    wanted:
      'Error from server (Forbidden): secrets is forbidden: User "nobody" cannot list resource "secrets" in API group "" in the namespace "default"\n',
  },
]

describe('kubectl, before', { skip: binary === undefined && 'no kubectl here, and none to be fetched' }, () => {
  let plane: ControlPlane
  let dir: string
  before(async () => {
    plane = await startControlPlane()
    dir = await mkdtemp(join(tmpdir(), 'davit-test-kubectl-'))
    const there = deployment(({ spec }) => Object.assign(spec, { replicas: 0 }), 'there')
    assert.equal((await run('apply -f manifest.json', there)).code, 0)
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })

  const run = async (args: string, manifest?: unknown) => {
    if (manifest) await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest))
    const script = `cd "$1" && shift && exec "$@"`
    const argv = ['-c', script, 'sh', dir, binary ?? '', '--kubeconfig', plane.kubeconfig, ...args.split(' ')]
    const { code, stdout, stderr } = await command('sh', argv, { allowFailure: true, env: { PATH: process.env.PATH, HOME: dir } })
    return { code, text: stderr + stdout }
  }

  for (const { what, manifest, args, code = 1, wanted } of cases) {
    it(`${what}, prints what Kubernetes would have it print`, async () => {
      const result = await run(args, manifest)
      assert.equal(result.text, wanted)
      assert.equal(result.code, code)
    })
  }

  it('any of it, finds nothing stored', async () => {
    assert.equal((await run('get deploy -o name')).text, 'deployment.apps/there\n')
  })
})
