import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthority, sign } from '../../pki/index.ts'
import { generateKeys } from '../../pki/keys.ts'
import { cells, changeComplaints, complaints, creationComplaints } from '../testing.ts'
import { clusterTrustBundleKind as kind } from './cluster-trust-bundle.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const one = await createAuthority('one', { now: NOW, days: 2 })
const other = await createAuthority('other', { now: NOW, days: 2 })
const { publicKey } = await generateKeys()
const leaf = await sign(one, { commonName: 'leaf', usage: 'client' }, { publicKey, lifetime: { now: NOW, days: 1 } })
const bundle = (trustBundle: string, signerName?: string) => ({ spec: { trustBundle, ...(signerName && { signerName }) } })
const named = (name: string, signerName = 'example.com/signer') => ({ metadata: { name }, ...bundle(one.certificate, signerName) })

test('a bundle of authorities is right, and a signer is in its name', () => {
  for (const right of [bundle(`${one.certificate}\nwords between\n${other.certificate}`), named('example.com:signer:a.b')]) {
    assert.deepEqual([...complaints(kind, right), ...creationComplaints(kind, right)], [])
  }
  assert.deepEqual(complaints(kind, named('a')), [
    'metadata.name: Invalid value: "a": ClusterTrustBundle for signerName example.com/signer must be named with prefix example.com:signer:',
  ])
  assert.match(complaints(kind, named('example.com:signer:A'))[0] ?? '', /^metadata\.name: Invalid value: .*RFC 1123 subdomain/)
  assert.deepEqual(complaints(kind, { metadata: { name: 'a:b' }, ...bundle(one.certificate) }), [
    'metadata.name: Invalid value: "a:b": ClusterTrustBundle without signer name must not have ":" in its name',
  ])
  assert.match(complaints(kind, named('signer:a', 'signer')).join(), /spec\.signerName: Invalid value: "signer": must be a fully qualified/)
})

const framed = (type: string, body: string) => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`
const WRONG: readonly [what: string, text: string, why: string][] = [
  ['nothing', 'words', 'at least one trust anchor must be provided'],
  ['a key', framed('PRIVATE KEY', 'AAAA'), 'entry 0 has bad block type: PRIVATE KEY'],
  ['headers', one.certificate.replace('\n', '\nFrom: me\n\n'), 'entry 0 has PEM block headers'],
  ['no certificate', `${one.certificate}\n${framed('CERTIFICATE', 'AAAA')}`, 'entry 1 does not parse as X.509'],
  ['no authority', leaf, 'entry 0 does not have the CA bit set'],
  ['one twice', `${one.certificate}\n${other.certificate}\n${one.certificate}`, 'duplicate trust anchor (indices [0 2])'],
]
for (const [what, text, why] of WRONG) {
  test(`a bundle with ${what} is refused`, () => {
    assert.deepEqual(creationComplaints(kind, bundle(text)), [`spec.trustBundle: Invalid value: "<value omitted>": ${why}`])
  })
}

test('a bundle has a bound, its signer stays, and what did not change is not read again', () => {
  assert.deepEqual(creationComplaints(kind, bundle('x'.repeat(1024 * 1024 + 1))), [
    'spec.trustBundle: Too long: may not be more than 1048576 bytes',
  ])
  assert.deepEqual(changeComplaints(kind, bundle('what was read once'), bundle('what was read once')), [])
  assert.match(changeComplaints(kind, bundle(one.certificate), bundle('words')).join(), /at least one trust anchor/)
  assert.deepEqual(changeComplaints(kind, bundle(one.certificate, 'a.b/c'), bundle(one.certificate)), [
    'spec.signerName: Invalid value: "": field is immutable',
  ])
})

test('kubectl get shows bundles as with Kubernetes', () => {
  assert.deepEqual(cells(kind, bundle('x')), { Name: 'a', SignerName: '<none>' })
})
