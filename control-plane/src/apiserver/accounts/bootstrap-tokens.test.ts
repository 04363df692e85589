import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notFound, type Secret, systemClock } from '@davit/api'
import type { Registry } from '../registry/index.ts'
import { withBootstrapTokens } from './bootstrap-tokens.ts'

const NOW = Date.parse('2026-01-02T00:00:00Z')
const TOKEN = 'abcdef.0123456789abcdef'

function secret(fields: Record<string, string>, more: Partial<Secret> = {}): Secret {
  const all = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    expiration: '2026-01-02T01:00:00Z',
    ...fields,
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
    ...more,
  }
}

async function show(token: string, stored: Secret | undefined, audiences?: readonly string[]) {
  const registry = {
    get: async (_context, kind, { name }) => {
      if (!stored || name !== stored.metadata.name) throw notFound(kind, name)
      return { key: '', revision: 1, bytes: Buffer.alloc(0), object: stored }
    },
  } as Partial<Registry> as Registry
  const next = async () => 'asked somebody else'
  const judge = withBootstrapTokens(next, { registry, audiences: ['api'], clock: { ...systemClock, now: () => NOW } })
  const found = await judge(token, audiences)
  return typeof found === 'string' ? found : found.user
}

test('a bootstrap token makes a user, in the groups its Secret names', async () => {
  assert.deepEqual(await show(TOKEN, secret({})), {
    name: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:authenticated'],
  })
  const groups = { 'auth-extra-groups': 'system:bootstrappers:a,system:bootstrappers:b:c', 'uses-left': '1' }
  const found = await show(TOKEN, secret(groups))
  assert.deepEqual(typeof found === 'object' && found.groups, [
    'system:bootstrappers',
    'system:bootstrappers:a',
    'system:bootstrappers:b:c',
    'system:authenticated',
  ])
})

const WORTHLESS: [what: string, stored: Secret | undefined, token?: string][] = [
  ['nobody made', undefined],
  ['with another secret', secret({}), 'abcdef.0123456789abcdee'],
  ['with another id', secret({ 'token-id': 'bbbbbb' })],
  ['without a secret', secret({ 'token-secret': '' })],
  ['of another use', secret({ 'usage-bootstrap-authentication': 'false' })],
  ['of no use', secret({ 'usage-bootstrap-authentication': '' })],
  ['that expired', secret({ expiration: '2026-01-02T00:00:00Z' })],
  ['that expires nobody knows when', secret({ expiration: 'soon' })],
  ['that was spent', secret({ 'uses-left': '0' })],
  ['in a Secret of another type', secret({}, { type: 'Opaque' })],
  ['in a Secret that is going', secret({}, { metadata: { name: 'bootstrap-token-abcdef', deletionTimestamp: '2026-01-01T00:00:00Z' } })],
  ...[
    'system:masters',
    'system:bootstrappers:a,system:masters',
    'system:bootstrappers:',
    'system:bootstrappers:a\nsystem:masters',
    ' system:bootstrappers:a',
  ].map((groups): [string, Secret] => [`that leads into ${JSON.stringify(groups)}`, secret({ 'auth-extra-groups': groups })]),
]
for (const [what, stored, token = TOKEN] of WORTHLESS) {
  test(`a bootstrap token ${what} is nobody's`, async () => {
    assert.equal(await show(token, stored), 'invalid bearer token')
  })
}

test('a bootstrap token is for the API server alone, and what has another form is for others to judge', async () => {
  assert.equal(await show(TOKEN, secret({}), ['vault']), 'invalid bearer token')
  for (const token of ['a.b', `${TOKEN} `, 'ABCDEF.0123456789abcdef', `${TOKEN}\n`, 'abcdef.0123456789abcdef0'])
    assert.equal(await show(token, secret({})), 'asked somebody else')
})
