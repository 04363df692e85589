import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { type Clock, type Kind, type KubernetesObject, notFound, systemClock } from '@davit/api'
import type { Registry, TokenClaims } from '../registry/index.ts'
import { createAuthenticateToken } from './authenticate.ts'
import { createAccountTokens, ISSUER } from './tokens.ts'

let now = Date.parse('2026-01-02T03:04:05Z')
const clock: Clock = { ...systemClock, now: () => now }
const seconds = () => Math.floor(now / 1000)

const privateKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const publicKey = (pem: string) => createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString()

const claims = (more: Partial<TokenClaims> = {}): TokenClaims => ({
  iss: ISSUER,
  sub: 'system:serviceaccount:a:runner',
  aud: [ISSUER],
  exp: seconds() + 600,
  iat: seconds(),
  nbf: seconds(),
  jti: 'j',
  'kubernetes.io': { namespace: 'a', serviceaccount: { name: 'runner', uid: 'account' }, pod: { name: 'p', uid: 'pod' } },
  ...more,
})

test('a token is read by whoever has the key, also after another has taken its place', async () => {
  const [old, next] = [privateKey(), privateKey()]
  const before = await createAccountTokens(old, clock)
  const token = await before.sign(claims())
  const during = await createAccountTokens(next + publicKey(old), clock)
  assert.deepEqual(await during.read(token), claims())
  assert.deepEqual(await during.read(await during.sign(claims())), claims())
  const after = await createAccountTokens(next, clock)
  assert.match(String(await after.read(token)), /invalid bearer token/)
  const published = (during.openId.keys as { keys: { kid: string; d?: string }[] }).keys
  assert.deepEqual([published.length, published.some(key => key.d !== undefined)], [2, false])
})

test('a token that was read before ends all the same', async () => {
  const tokens = await createAccountTokens(privateKey(), clock)
  const token = await tokens.sign(claims())
  assert.equal(typeof (await tokens.read(token)), 'object')
  const began = now
  now += 700_000
  assert.equal(await tokens.read(token), 'service account token has expired')
  assert.match(String(await tokens.read(await tokens.sign(claims({ nbf: seconds() + 60 })))), /nbf/)
  assert.match(String(await tokens.read(await tokens.sign(claims({ iss: 'https://elsewhere' })))), /iss/)
  now = began
})

test('keys of another kind are refused', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await assert.rejects(createAccountTokens(rsa, clock), /wanted all on P-256/)
  await assert.rejects(createAccountTokens(publicKey(privateKey()), clock), /the first is not a private key/)
})

/** A registry that has these, some only when it is asked freshly. */
function registryOf(objects: Record<string, Partial<KubernetesObject['metadata']>>, late: readonly string[] = []): Registry {
  const get: Registry['get'] = async (_context, kind: Kind, { name }, options) => {
    const metadata = options?.resourceVersion === '0' && late.includes(name) ? undefined : objects[name]
    if (!metadata) throw notFound(kind, name)
    const object = { apiVersion: 'v1', kind: kind.kind, metadata: { name, ...metadata } }
    return { key: '', revision: 1, object, bytes: Buffer.alloc(0) }
  }
  return { get } as Registry
}

const ago = (ms: number) => new Date(now - ms).toISOString()

const CASES: [string, Parameters<typeof registryOf>, RegExp | undefined][] = [
  ['everything is there', [{ runner: { uid: 'account' }, p: { uid: 'pod' } }], undefined],
  ['the cache has not heard of the pod yet', [{ runner: { uid: 'account' }, p: { uid: 'pod' } }, ['p']], undefined],
  ['the pod ends just now', [{ runner: { uid: 'account' }, p: { uid: 'pod', deletionTimestamp: ago(30_000) } }], undefined],
  [
    'the pod should be long gone',
    [{ runner: { uid: 'account' }, p: { uid: 'pod', deletionTimestamp: ago(90_000) } }],
    /pod has been deleted/,
  ],
  ['the pod is gone', [{ runner: { uid: 'account' } }], /pod token has been invalidated/],
  ['another pod has its name', [{ runner: { uid: 'account' }, p: { uid: 'other' } }], /pod UID \(other\) does not match claim \(pod\)/],
  ['another account has its name', [{ runner: { uid: 'other' }, p: { uid: 'pod' } }], /service account UID/],
]
for (const [what, world, refusal] of CASES) {
  test(`a token is ${refusal ? 'nobody' : 'somebody'}'s when ${what}`, async () => {
    const tokens = await createAccountTokens(privateKey(), clock)
    const found = await createAuthenticateToken(tokens, registryOf(...world), clock)(await tokens.sign(claims()))
    if (refusal) assert.match(String(found), refusal)
    else assert.equal(typeof found === 'string' ? found : found.user.name, 'system:serviceaccount:a:runner')
  })
}
