/**
 * kubectl >= 1.32 sends what it makes itself in protobuf. Each `kubectl create …` is run against the real API server, and
 * what is stored is compared with what is stored when the same object, as `--dry-run=client` writes it, comes as JSON.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'
import { certificateRequest } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

type Json = Record<string, unknown>
interface Resource {
  name: string
  kind: string
  namespaced: boolean
}

/** Undefined where it is not here and cannot be fetched. */
const binary = await kubectlBinary(33).catch(() => undefined)

/** What follows `kubectl create`, and the group and version of what it makes. */
const CREATED: readonly [string, string][] = [
  ['configmap config --from-literal=a=1 --from-file=bytes=binary', 'v1'],
  ['secret generic plain --from-literal=key=value', 'v1'],
  ['secret tls cert --cert=tls.crt --key=tls.key', 'v1'],
  ['secret docker-registry pull --docker-username=ann --docker-password=p --docker-server=registry.example', 'v1'],
  ['namespace space', 'v1'],
  ['serviceaccount robot', 'v1'],
  ['service clusterip internal --tcp=80:http', 'v1'],
  ['service clusterip headless --clusterip=None', 'v1'],
  ['service nodeport outside --tcp=80', 'v1'],
  ['service loadbalancer balanced --tcp=443:8443', 'v1'],
  ['service externalname elsewhere --external-name=example.com', 'v1'],
  ['quota few --hard=pods=3 --scopes=BestEffort', 'v1'],
  ['deployment web --image=nginx:1.25 --replicas=0 --port=80', 'apps/v1'],
  ['job once --image=busybox:1.36 -- echo hello', 'batch/v1'],
  ['cronjob often --image=busybox:1.36 --schedule=@hourly --restart=Never', 'batch/v1'],
  ['role reader --verb=get,list --resource=pods,pods/log --resource-name=web', 'rbac.authorization.k8s.io/v1'],
  ['rolebinding readers --role=reader --serviceaccount=default:robot --user=ann', 'rbac.authorization.k8s.io/v1'],
  ['clusterrole looker --verb=get --non-resource-url=/logs/*', 'rbac.authorization.k8s.io/v1'],
  ['clusterrole gatherer --aggregation-rule=a/b=c', 'rbac.authorization.k8s.io/v1'],
  ['clusterrolebinding lookers --clusterrole=looker --group=people', 'rbac.authorization.k8s.io/v1'],
  ['poddisruptionbudget calm --selector=app=web --min-available=50%', 'policy/v1'],
  ['priorityclass zero --value=0 --description=none --preemption-policy=Never', 'scheduling.k8s.io/v1'],
  ['ingress way --rule=example.com/shop*=web:80,tls=cert --class=nginx', 'networking.k8s.io/v1'],
]

describe('kubectl that sends protobuf', { concurrency: 4, skip: binary === undefined && 'no kubectl here, and none to be fetched' }, () => {
  let plane: ControlPlane
  let dir: string
  before(async () => {
    plane = await startControlPlane({ args: ['--run', 'apiserver'] })
    dir = await mkdtemp(join(tmpdir(), 'davit-test-protobuf-'))
    await writeFile(join(dir, 'tls.crt'), plane.credentials.certificate)
    await writeFile(join(dir, 'tls.key'), plane.credentials.key)
    await writeFile(join(dir, 'binary'), Buffer.from([0, 255, 254, 1]))
    await post('/api/v1/namespaces', { metadata: { name: 'json' } })
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })

  const kubectl = async (...args: string[]) => {
    const argv = ['--kubeconfig', plane.kubeconfig, ...args]
    return command(binary ?? '', argv, { cwd: dir, env: { PATH: process.env.PATH, HOME: dir }, timeoutMs: 30_000, allowFailure: true })
  }
  /** Runs it and proves that the body was protobuf. */
  const kubectlInProtobuf = async (...args: string[]) => {
    const { code, stdout, stderr } = await kubectl('-v=7', ...args)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Content-Type: application\/vnd\.kubernetes\.protobuf/)
    return stdout
  }
  const post = async (path: string, body: Json) => {
    const { code, json, text } = await plane.ask({ method: 'POST', path, body })
    assert.equal(code, 201, text)
    return json
  }
  const get = async (path: string) => {
    const { code, json, text } = await plane.ask({ path })
    assert.equal(code, 200, text)
    return json
  }
  const base = (apiVersion: string) => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`)
  const resourceOf = async (apiVersion: string, matches: (resource: Resource) => boolean): Promise<Resource | undefined> => {
    const { code, json } = await plane.ask({ path: base(apiVersion) })
    return code === 200 ? (json.resources as Resource[]).find(resource => !resource.name.includes('/') && matches(resource)) : undefined
  }

  for (const [args, apiVersion] of CREATED) {
    it(`stores what create ${args} sends as if it were JSON`, async () => {
      const words = args.split(' ')
      const called = words[0] === 'quota' ? 'resourcequota' : words[0]
      const resource = await resourceOf(apiVersion, ({ kind }) => kind.toLowerCase() === called)
      assert.ok(resource, `${apiVersion} has no ${called}`)
      const flags = ['create', ...beforeDashes(words, ['--dry-run=client', '-o', 'json'])]
      const meant = JSON.parse((await kubectl(...flags)).stdout) as Json & { metadata: Json }
      const name = String(meant.metadata.name)

      const collection = (namespace: string) =>
        resource.namespaced ? `${base(apiVersion)}/namespaces/${namespace}/${resource.name}` : `${base(apiVersion)}/${resource.name}`
      const inNamespace = resource.namespaced ? { namespace: 'json' } : {}
      await post(collection('json'), { ...meant, metadata: { ...meant.metadata, name: `${name}-by-json`, ...inNamespace } })
      await kubectlInProtobuf('create', ...words)

      const byJson = await get(`${collection('json')}/${name}-by-json`)
      assert.deepEqual(bare(await get(`${collection('default')}/${name}`)), bare(byJson))
    })
  }

  it('asks who may do what', async () => {
    assert.equal(await kubectlInProtobuf('auth', 'can-i', 'create', 'deployments.apps', '--subresource=scale'), 'yes\n')
    assert.match(await kubectlInProtobuf('auth', 'can-i', '--list'), /\*\.\* +\[\] +\[\] +\[\*\]/)
    assert.match(await kubectlInProtobuf('auth', 'whoami'), /Groups +\[.*system:masters.*\]/)
  })

  it('gets a token', async () => {
    assert.equal((await kubectl('create', 'serviceaccount', 'teller')).code, 0)
    const token = await kubectlInProtobuf('create', 'token', 'teller', '--duration=20m', '--audience=vault')
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud: string[]; exp: number; iat: number }
    assert.deepEqual(claims.aud, ['vault'])
    assert.equal(claims.exp - claims.iat, 1200)
  })

  it('empties a node with DeleteOptions', async () => {
    await post('/api/v1/nodes', { metadata: { name: 'old' } })
    const spec = { nodeName: 'old', containers: [{ name: 'c', image: 'nginx:1.25' }] }
    await post('/api/v1/namespaces/default/pods', { metadata: { name: 'lone' }, spec })
    await kubectlInProtobuf('drain', 'old', '--force', '--disable-eviction', '--grace-period=0')
    assert.equal((await plane.ask({ path: '/api/v1/namespaces/default/pods/lone' })).code, 404)
  })

  it('approves a certificate', async () => {
    const { request } = await certificateRequest('/CN=ann')
    const spec = { request: Buffer.from(request).toString('base64'), signerName: 'example.com/signer', usages: ['client auth'] }
    await post('/apis/certificates.k8s.io/v1/certificatesigningrequests', { metadata: { name: 'asked' }, spec })
    await kubectlInProtobuf('certificate', 'approve', 'asked')
    const { status } = await get('/apis/certificates.k8s.io/v1/certificatesigningrequests/asked')
    const [condition] = (status as { conditions: Json[] }).conditions
    assert.deepEqual([condition?.type, condition?.status, condition?.reason], ['Approved', 'True', 'KubectlApprove'])
  })

  it('scales by itself', async () => {
    assert.equal((await kubectl('create', 'deployment', 'busy', '--image=nginx:1.25')).code, 0)
    await kubectlInProtobuf('autoscale', 'deployment', 'busy', '--min=1', '--max=4', '--cpu-percent=80')
    const { spec } = await get('/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/busy')
    assert.deepEqual([(spec as Json).minReplicas, (spec as Json).maxReplicas], [1, 4])
  })
})

/** `kubectl create … -- command` takes flags only before the dashes. */
function beforeDashes(words: readonly string[], flags: readonly string[]): string[] {
  const at = words.indexOf('--')
  return at < 0 ? [...words, ...flags] : [...words.slice(0, at), ...flags, ...words.slice(at)]
}

/** Without what differs from object to object by itself. */
function bare(stored: Json): Json {
  const own = String((stored.metadata as Json).uid)
  const text = JSON.stringify(stored).replaceAll('-by-json', '').replaceAll(own, 'uid')
  const { metadata, spec, ...rest } = JSON.parse(text) as { metadata: Json; spec?: Json }
  const { uid, resourceVersion, creationTimestamp, managedFields, namespace, ...common } = metadata
  if (!spec) return { ...rest, metadata: common }
  const { clusterIP, clusterIPs, ports, ...wanted } = spec as Json & { ports?: { nodePort?: number }[] }
  const addresses = clusterIP === 'None' ? { clusterIP, clusterIPs } : {}
  const withoutNodePorts = ports?.map(({ nodePort, ...port }) => ({ ...port, nodePort: nodePort !== undefined }))
  return { ...rest, metadata: common, spec: { ...wanted, ...addresses, ...(ports && { ports: withoutNodePorts }) } }
}
