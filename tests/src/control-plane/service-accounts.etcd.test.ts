/** Tokens of ServiceAccounts: how they are asked for, what opens to them, and when they end. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TokenRequest } from '@davit/api'
import { command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'
import { clustersCertificate } from './certificates.ts'
import { type ControlPlane, type Credentials, startControlPlane } from './control-plane.ts'
import { PATHS } from './manifests.ts'
import { type Answer, must } from './send.ts'

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts'
const ISSUER = 'https://kubernetes.default.svc.cluster.local'
let plane: ControlPlane
let node: Credentials
before(async () => {
  // Controllers would clear away pods of nodes that are only names.
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
  for (const name of ['default', 'runner', 'other']) await create('serviceaccounts', { metadata: { name } })
  await must(plane.ask({ method: 'POST', path: '/api/v1/nodes', body: { metadata: { name: 'n1' } } }), 201)
  node = await clustersCertificate(plane, '/O=system:nodes/CN=system:node:n1')
})
after(() => plane[Symbol.asyncDispose]())

type Json = Record<string, unknown>
interface Stored {
  metadata: { name: string; uid: string }
}

async function create(plural: string, body: Json): Promise<Stored> {
  const answer = await must(plane.ask({ method: 'POST', path: `/api/v1/namespaces/default/${plural}`, body }), 201)
  return answer.json as unknown as Stored
}

function pod(name: string, spec: Json = {}): Promise<Stored> {
  const containers = [{ name: 'c', image: 'nginx:1.25' }]
  return create('pods', { metadata: { name }, spec: { containers, serviceAccountName: 'runner', nodeName: 'n1', ...spec } })
}

function askToken(account: string, spec: Json, as?: Credentials): Promise<Answer> {
  return plane.ask({ method: 'POST', path: `${ACCOUNTS}/${account}/token`, body: { spec } }, as)
}

async function tokenOf(account: string, spec: Json = {}): Promise<string> {
  const { json } = await must(askToken(account, spec), 201)
  return (json as unknown as TokenRequest).status?.token ?? ''
}

function withToken(token: string, path: string, body?: Json): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}` }
  return plane.ask({ method: body ? 'POST' : 'GET', path, headers, ...(body && { body }) }, 'nobody')
}

interface Claims {
  exp: number
  iat: number
  'kubernetes.io': Json
}

function claimsIn(token: string): Claims & Json {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

const boundTo = (kind: string, { metadata }: Stored) => ({
  boundObjectRef: { kind, apiVersion: 'v1', name: metadata.name, uid: metadata.uid },
})

describe('A token of a ServiceAccount', () => {
  it("says what Kubernetes' tokens say", async () => {
    const { metadata } = (await plane.ask({ path: `${ACCOUNTS}/runner` })).json as unknown as Stored
    const { json } = await must(askToken('runner', {}), 201)
    const { kind, spec, status } = json as unknown as TokenRequest
    assert.equal(kind, 'TokenRequest')
    assert.deepEqual(spec, { audiences: [ISSUER], expirationSeconds: 3600 })
    const { exp, iat, nbf, jti, ...rest } = claimsIn(status?.token ?? '')
    assert.equal(exp - iat, 3600)
    assert.equal(nbf, iat)
    assert.match(String(jti), /^[0-9a-f-]{36}$/)
    assert.equal(Date.parse(status?.expirationTimestamp ?? ''), exp * 1000)
    assert.deepEqual(rest, {
      iss: ISSUER,
      sub: 'system:serviceaccount:default:runner',
      aud: [ISSUER],
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'runner', uid: metadata.uid } },
    })
  })

  it('of a pod names pod and node, and outlives what the agent was told for clients that read it once', async () => {
    const made = await pod('named')
    const token = await tokenOf('runner', { ...boundTo('Pod', made), expirationSeconds: 3607 })
    const { exp, iat, 'kubernetes.io': kubernetes } = claimsIn(token)
    assert.deepEqual(kubernetes.pod, { name: 'named', uid: made.metadata.uid })
    assert.equal((kubernetes.node as Json).name, 'n1')
    assert.equal(kubernetes.warnafter, iat + 3607)
    assert.equal(exp - iat, 365 * 24 * 3600)
  })

  const wrong: [string, Json, number, RegExp][] = [
    [
      'for less than ten minutes',
      { expirationSeconds: 599 },
      422,
      /spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
    ],
    ['for longer than there are seconds', { expirationSeconds: 2 ** 32 + 1 }, 422, /may not specify a duration larger than 2\^32 seconds/],
    ['bound to no pod', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'absent' } }, 404, /pods "absent" not found/],
    [
      'bound to a ConfigMap',
      { boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } },
      400,
      /cannot bind token for serviceaccount "runner" to object of type \/v1, Kind=ConfigMap/,
    ],
    [
      'bound to a pod of another uid',
      { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'x' } },
      409,
      /the UID in the bound object reference \(x\) does not match the UID in record/,
    ],
  ]
  for (const [what, spec, code, message] of wrong) {
    it(`is not given ${what}`, async () => {
      await pod('p').catch(() => {})
      const answer = await must(askToken('runner', spec), code)
      assert.match(answer.message, message)
    })
  }

  it('is given to no absent account, and not bound to a pod of another', async () => {
    await must(askToken('absent', {}), 404)
    const made = await pod('of-runner')
    const answer = await must(askToken('other', boundTo('Pod', made)), 400)
    assert.match(answer.message, /cannot bind token for serviceaccount "other" to pod running with different serviceaccount name/)
  })

  it('opens what everybody may see, and nothing more', async () => {
    const token = await tokenOf('runner')
    for (const path of ['/api', '/apis', '/version', '/openapi/v3', '/readyz', '/.well-known/openid-configuration', '/openid/v1/jwks']) {
      await must(withToken(token, path), 200)
    }
    const answer = await must(withToken(token, PATHS.pods), 403)
    const who = 'User "system:serviceaccount:default:runner" cannot list resource "pods" in API group "" in the namespace "default"'
    assert.equal(answer.message, `pods is forbidden: ${who}`)
    for (const path of ['/metrics', '/davit/v1/cluster', '/api/v1/nodes']) await must(withToken(token, path), 403)
  })

  it('is refused with 401 once its pod, its account or its Secret is gone, and when another took its place', async () => {
    const made = await pod('short')
    const ofPod = await tokenOf('runner', boundTo('Pod', made))
    await must(withToken(ofPod, '/api'), 200)
    await must(plane.ask({ method: 'DELETE', path: `${PATHS.pods}/short?gracePeriodSeconds=0` }), 200)
    const refused = await must(withToken(ofPod, '/api'), 401)
    assert.equal(refused.message, 'Unauthorized')
    assert.equal(refused.reason, 'Unauthorized')
    await pod('short')
    await must(withToken(ofPod, '/api'), 401)

    const secret = await create('secrets', { metadata: { name: 'holder' } })
    const ofSecret = await tokenOf('runner', boundTo('Secret', secret))
    await must(withToken(ofSecret, '/api'), 200)
    await must(plane.ask({ method: 'DELETE', path: '/api/v1/namespaces/default/secrets/holder' }), 200)
    await must(withToken(ofSecret, '/api'), 401)

    await create('serviceaccounts', { metadata: { name: 'fleeting' } })
    const ofAccount = await tokenOf('fleeting')
    await must(withToken(ofAccount, '/api'), 200)
    await must(plane.ask({ method: 'DELETE', path: `${ACCOUNTS}/fleeting` }), 200)
    await must(withToken(ofAccount, '/api'), 401)
    await create('serviceaccounts', { metadata: { name: 'fleeting' } })
    await must(withToken(ofAccount, '/api'), 401)
  })

  it('that was tampered with, is meant for others, or is unsigned, is refused', async () => {
    const token = await tokenOf('runner')
    const [head = '', , signature = ''] = token.split('.')
    const others = { ...claimsIn(token), sub: 'system:serviceaccount:kube-system:root' }
    const body = Buffer.from(JSON.stringify(others)).toString('base64url')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const elsewhere = await tokenOf('runner', { audiences: ['vault'] })
    for (const wrong of [`${head}.${body}.${signature}`, `${none}.${body}.`, `${token}x`, 'a.b.c', elsewhere]) {
      await must(withToken(wrong, '/version'), 401)
    }
  })

  it('can be checked by others with the published keys', async () => {
    const { json } = await plane.ask({ path: '/openid/v1/jwks' })
    const [key] = (json as { keys: Json[] }).keys
    const head = JSON.parse(Buffer.from((await tokenOf('runner')).split('.')[0] ?? '', 'base64url').toString())
    assert.deepEqual(head, { alg: 'ES256', kid: key?.kid })
    assert.equal(key?.d, undefined)
    assert.equal((await plane.ask({ path: '/.well-known/openid-configuration' })).json.issuer, ISSUER)
  })

  it('is asked for by a node for its own pods only', async () => {
    const mine = await pod('mine', {
      volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'vault' } }] } }],
    })
    const foreign = await pod('foreign', { nodeName: 'n2' })
    await must(askToken('runner', { ...boundTo('Pod', mine), audiences: ['vault'] }, node), 201)
    const refusals: [string, Json, RegExp][] = [
      ['runner', {}, /node requested token not bound to a pod/],
      [
        'runner',
        { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'mine' } },
        /node requested token with a pod binding without a uid/,
      ],
      ['runner', boundTo('Pod', foreign), /node requested token bound to a pod scheduled on a different node/],
      ['other', boundTo('Pod', mine), /service account that the pod does not run as/],
      ['runner', { ...boundTo('Pod', mine), audiences: ['bank'] }, /audience "bank" not found in pod spec volume/],
    ]
    for (const [account, spec, message] of refusals) {
      const answer = await must(askToken(account, spec, node), 403)
      assert.match(answer.message, message)
    }
  })
})

describe('Reviews', () => {
  const review = (group: string, plural: string, body: Json, token?: string) => {
    const path = `/apis/${group}.k8s.io/v1/${plural}`
    return token ? withToken(token, path, body) : plane.ask({ method: 'POST', path, body })
  }

  it('tell whose a token is', async () => {
    const token = await tokenOf('runner')
    const { json } = await must(review('authentication', 'tokenreviews', { spec: { token } }), 201)
    const { authenticated, user, audiences } = json.status as { authenticated: boolean; user: Json; audiences: string[] }
    assert.equal(authenticated, true)
    assert.deepEqual(audiences, [ISSUER])
    assert.equal(user.username, 'system:serviceaccount:default:runner')
    assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'])
    const other = await must(review('authentication', 'tokenreviews', { spec: { token, audiences: ['vault'] } }), 201)
    assert.equal((other.json.status as Json).authenticated, undefined)
    assert.match(String((other.json.status as Json).error), /is invalid for the target audiences/)
    await must(review('authentication', 'tokenreviews', { spec: {} }), 400)
    await must(review('authentication', 'tokenreviews', { spec: { token } }, token), 403)
  })

  it('tell an account who it is and what it may', async () => {
    const token = await tokenOf('runner')
    const self = await must(review('authentication', 'selfsubjectreviews', {}, token), 201)
    assert.equal((self.json.status as { userInfo: Json }).userInfo.username, 'system:serviceaccount:default:runner')
    const may = async (spec: Json) => {
      const { json } = await must(review('authorization', 'selfsubjectaccessreviews', { spec }, token), 201)
      return (json.status as { allowed: boolean }).allowed
    }
    assert.equal(await may({ nonResourceAttributes: { verb: 'get', path: '/api' } }), true)
    assert.equal(await may({ resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } }), false)
    const rules = await must(review('authorization', 'selfsubjectrulesreviews', { spec: { namespace: 'default' } }, token), 201)
    assert.equal((rules.json.status as { incomplete: boolean }).incomplete, false)
  })

  it('tell an administrator what others may', async () => {
    const about = async (user: string, groups: string[], resourceAttributes: Json) => {
      const { json } = await must(review('authorization', 'subjectaccessreviews', { spec: { user, groups, resourceAttributes } }), 201)
      return (json.status as { allowed: boolean }).allowed
    }
    const pods = { verb: 'delete', resource: 'pods', namespace: 'default' }
    assert.equal(await about('anna', ['system:masters'], pods), true)
    assert.equal(await about('anna', ['system:authenticated'], pods), false)
    const own = { verb: 'update', resource: 'leases', group: 'coordination.k8s.io', namespace: 'kube-node-lease', name: 'n1' }
    assert.equal(await about('system:node:n1', ['system:nodes'], own), true)
    await must(review('authorization', 'subjectaccessreviews', { spec: { user: 'anna' } }), 422)
    const local = '/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews'
    await must(
      plane.ask({ method: 'POST', path: local, body: { spec: { user: 'a', resourceAttributes: { ...pods, namespace: 'other' } } } }),
      422,
    )
    await must(plane.ask({ method: 'POST', path: local, body: { spec: { user: 'a', resourceAttributes: pods } } }), 201)
  })

  it('are answered and never listed', async () => {
    await must(plane.ask({ path: '/apis/authorization.k8s.io/v1/subjectaccessreviews' }), 405)
    await must(plane.ask({ path: '/apis/authentication.k8s.io/v1/tokenreviews/x' }), 405)
  })
})

/** Undefined where it is not here and cannot be fetched. */
const binary = await kubectlBinary(33).catch(() => undefined)

describe('kubectl', { skip: binary === undefined && 'no kubectl here' }, () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'davit-test-tokens-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  const kubectl = (...args: string[]) =>
    command(binary ?? '', [...args, '--kubeconfig', plane.kubeconfig, '--cache-dir', directory], { timeoutMs: 30_000 })

  it('makes tokens, asks who it is, and what it may', async () => {
    const token = (await kubectl('create', 'token', 'runner')).stdout.trim()
    await must(withToken(token, '/api'), 200)
    const made = await pod('for-kubectl')
    const bound = (
      await kubectl('create', 'token', 'runner', '--bound-object-kind', 'Pod', '--bound-object-name', 'for-kubectl', '--duration', '15m')
    ).stdout.trim()
    assert.deepEqual(claimsIn(bound)['kubernetes.io'].pod, { name: 'for-kubectl', uid: made.metadata.uid })
    assert.match((await kubectl('auth', 'whoami')).stdout, /Username +kubernetes-admin/)
    assert.match((await kubectl('auth', 'can-i', 'delete', 'pods')).stdout, /^yes/)
    assert.match((await kubectl('auth', 'can-i', '--list')).stdout, /\*\.\* +\[\] +\[\] +\[\*\]/)
    const account = ['--as', 'system:serviceaccount:default:runner']
    assert.match((await kubectl('auth', 'can-i', 'create', 'selfsubjectreviews.authentication.k8s.io', ...account)).stdout, /^yes/)
    await assert.rejects(kubectl('auth', 'can-i', 'list', 'pods', ...account), /no/)
    assert.match((await kubectl('auth', 'whoami', ...account)).stdout, /system:serviceaccounts:default/)
  })
})
