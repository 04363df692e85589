import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthority } from '../../pki/index.ts'
import { cells, complaints, statusComplaints, stored } from '../testing.ts'
import { certificateSigningRequestKind as kind } from './certificate-signing-request.ts'
import { validateApproval } from './rules.ts'

const encode = (text: string) => Buffer.from(text).toString('base64')
/** Framed as one; whether it is one is not asked here. */
const REQUEST = encode('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n')
const spec = (more: object = {}) => ({ request: REQUEST, signerName: 'example.com/signer', usages: ['client auth'], ...more })
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

const CASES: readonly [spec: object, complaints: string[]][] = [
  [spec(), []],
  [spec({ signerName: 'a.b/ns.name', expirationSeconds: 600, usages: ['any', 's/mime'] }), []],
  [spec({ request: encode('x') }), [`spec.request: Invalid value: "${encode('x')}": PEM block type must be CERTIFICATE REQUEST`]],
  [
    spec({ request: REQUEST.slice(0, 8) }),
    [`spec.request: Invalid value: "${REQUEST.slice(0, 8)}": PEM block type must be CERTIFICATE REQUEST`],
  ],
  [spec({ usages: [] }), ['spec.usages: Required value: usages must be provided']],
  [spec({ usages: ['any', 'any'] }), ['spec.usages[1]: Duplicate value: "any"']],
  [spec({ signerName: '' }), ['spec.signerName: Required value: signerName must be provided']],
  [
    spec({ signerName: 'kubernetes.io/legacy-unknown' }),
    ['spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version'],
  ],
  ...['signer', 'a.b/c/d'].map((signerName): [object, string[]] => [
    spec({ signerName }),
    [`spec.signerName: Invalid value: "${signerName}": must be a fully qualified domain and path of the form 'example.com/signer-name'`],
  ]),
  [spec({ signerName: 'a/b' }), ['spec.signerName: Invalid value: "a": should be a domain with at least two segments separated by dots']],
  [spec({ signerName: 'A.b/c' }), [`spec.signerName: Invalid value: "A.b": validating label "A": ${LABEL}`]],
  [spec({ signerName: `${'a.'.repeat(127)}b/c` }), ['spec.signerName: Too long: may not be more than 253 bytes']],
  [
    spec({ expirationSeconds: 599 }),
    ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
  ],
]

for (const [each, wanted] of CASES) {
  test(`a request ${JSON.stringify(each).slice(0, 100)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(kind, { spec: each }), wanted)
  })
}

test('a request names usages that there are, and who is to sign', () => {
  const [usage = ''] = complaints(kind, { spec: spec({ usages: ['everything'] }) })
  assert.match(
    usage,
    /^spec\.usages\[0\]: Unsupported value: "everything": supported values: "any", "cert sign", "client auth", .*"timestamping"$/,
  )
  const [signer = ''] = complaints(kind, { spec: spec({ signerName: 'a.b/C' }) })
  assert.match(signer, /^spec\.signerName: Invalid value: "C": validating label "C": a lowercase RFC 1123 subdomain must/)
  assert.deepEqual(complaints(kind, {}), ['spec: Required value'])
})

const condition = (type: string, more: object = {}) => ({ type, status: 'True', reason: 'Why', ...more })
const withConditions = (...conditions: object[]) => ({ spec: spec(), status: { conditions } })
const approval = (old: object, object: object) =>
  validateApproval(stored(kind, object), stored(kind, old)).map(({ type, field, detail }) => `${field}: ${type}: ${detail}`)

test('approval is given or refused once, through approval only', () => {
  const fresh = withConditions()
  const approved = withConditions(condition('Approved'))
  assert.deepEqual(approval(fresh, approved), [])
  assert.deepEqual(approval(approved, withConditions(condition('Approved', { message: 'x' }))), [])
  assert.deepEqual(approval(approved, fresh), ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"'])
  assert.deepEqual(approval(approved, withConditions(condition('Approved'), condition('Denied'))), [
    'status.conditions[1].type: Invalid: Approved and Denied conditions are mutually exclusive',
  ])
  assert.deepEqual(statusComplaints(kind, fresh, approved), [
    'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
  ])
  assert.deepEqual(statusComplaints(kind, approved, withConditions(condition('Approved', { message: 'x' }))), [
    'status.conditions: Forbidden: updates may not modify a condition of type "Approved"',
  ])
  assert.deepEqual(approval(fresh, { spec: spec(), status: { certificate: encode('x') } }), [
    'status.certificate: Invalid: must contain at least one CERTIFICATE PEM block',
    'status.certificate: Forbidden: updates may not set certificate content',
  ])
})

test('conditions of a request are named once, and those that decide are true', () => {
  const say = (...conditions: object[]) => statusComplaints(kind, withConditions(), withConditions(...conditions))
  assert.deepEqual(say(condition('Failed'), condition('Mine', { status: 'Unknown' })), [])
  assert.deepEqual(say(condition('Failed', { status: 'False' })), [
    'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
  ])
  assert.deepEqual(say(condition('Mine', { status: 'Maybe' })), [
    'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
  ])
  assert.deepEqual(say(condition('Mine'), condition('Mine')), ['status.conditions[1].type: Duplicate value: "Mine"'])
  assert.deepEqual(say({}), ['status.conditions[0].type: Required value', 'status.conditions[0].status: Required value'])
})

test('the certificate is a chain in PEM, and stays', async () => {
  const { certificate } = await createAuthority('test', { now: Date.now(), days: 1 })
  const issued = (pem: string) => ({ spec: spec(), status: { certificate: encode(pem) } })
  const say = (pem: string, old: object = withConditions()) => statusComplaints(kind, old, issued(pem))
  assert.deepEqual(say(certificate), [])
  assert.deepEqual(say(`words around\n${certificate}\n${certificate}`), [])
  const at = 'status.certificate: Invalid value: "<certificate data>"'
  assert.deepEqual(say('x'), [`${at}: must contain at least one CERTIFICATE PEM block`])
  assert.deepEqual(say(`${certificate}\n-----BEGIN EC KEY-----\nAAAA\n-----END EC KEY-----\n`), [
    `${at}: only CERTIFICATE PEM blocks are allowed, found "EC KEY"`,
  ])
  assert.deepEqual(say('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), [`${at}: x509: malformed certificate`])
  assert.deepEqual(say(certificate.replace('-----\n', '-----\nFrom: me\n\n')), [`${at}: no PEM block headers are permitted`])
  assert.deepEqual(say(`${certificate}\n`, issued(certificate)), [
    'status.certificate: Forbidden: updates may not modify existing certificate content',
  ])
})

test('kubectl get shows requests as with Kubernetes', () => {
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:01:00Z')
  const asked = { metadata, spec: spec({ username: 'ann', expirationSeconds: 86400 }) }
  const shown = {
    Name: 'a',
    Age: '60s',
    SignerName: 'example.com/signer',
    Requestor: 'ann',
    RequestedDuration: '24h',
    Condition: 'Pending',
  }
  assert.deepEqual(cells(kind, asked, now), shown)
  const conditionOf = (...types: string[]) =>
    cells(kind, { ...asked, status: { conditions: types.map(type => condition(type)), certificate: encode('x') } }).Condition
  assert.equal(conditionOf('Approved'), 'Approved,Issued')
  assert.equal(conditionOf('Denied', 'Failed'), 'Denied,Failed,Issued')
  assert.equal(cells(kind, { spec: spec() }).RequestedDuration, '<none>')
})
