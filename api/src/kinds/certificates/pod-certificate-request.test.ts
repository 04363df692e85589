import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeComplaints, complaints, statusComplaints, stored } from '../testing.ts'
import { podCertificateRequestKind as kind } from './pod-certificate-request.ts'

const SPEC = {
  signerName: 'example.com/signer',
  podName: 'web',
  podUID: 'u1',
  serviceAccountName: 'default',
  serviceAccountUID: 'u2',
  nodeName: 'n1',
  nodeUID: 'u3',
  stubPKCS10Request: 'AAAA',
}
const asked = (more: object = {}) => ({ spec: { ...SPEC, ...more } })
const RANGE = 'must be in the range [3600, 7862400]'

const CASES: readonly [spec: object, complaints: (string | RegExp)[]][] = [
  [{}, []],
  [{ maxExpirationSeconds: 3_600, unverifiedUserAnnotations: { 'example.com/a': 'b' } }, []],
  [{ maxExpirationSeconds: 91 * 86_400 }, []],
  [{ maxExpirationSeconds: 3_599 }, [`spec.maxExpirationSeconds: Invalid value: 3599: ${RANGE}`]],
  [{ maxExpirationSeconds: 91 * 86_400 + 1 }, [`spec.maxExpirationSeconds: Invalid value: 7862401: ${RANGE}`]],
  [{ signerName: 'kubernetes.io/a', maxExpirationSeconds: 86_401 }, [/86401: must be in the range \[3600, 86400\]$/]],
  [{ signerName: 'a.kubernetes.io/a', maxExpirationSeconds: 86_401 }, [/must be in the range \[3600, 86400\]$/]],
  [{ signerName: 'mykubernetes.io/a', maxExpirationSeconds: 86_401 }, []],
  [{ podUID: '', nodeUID: 'x'.repeat(129) }, [/^spec\.nodeUID: Too long/, 'spec.podUID: Required value']],
  [
    { podName: 'A', serviceAccountName: '', nodeName: 'a_b' },
    [/^spec\.podName/, /^spec\.nodeName/, 'spec.serviceAccountName: Required value'],
  ],
  [{ unverifiedUserAnnotations: { plain: 'x' } }, [/^spec\.unverifiedUserAnnotations: Invalid value: "plain": must be a domain-prefixed/]],
  [{ stubPKCS10Request: Buffer.alloc(10 * 1024 + 1).toString('base64') }, [/^spec\.stubPKCS10Request: Too long/]],
]
for (const [more, wanted] of CASES) {
  test(`a request ${JSON.stringify(more).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    const found = complaints(kind, asked(more))
    assert.equal(found.length, wanted.length, found.join('\n'))
    for (const [i, each] of wanted.entries()) typeof each === 'string' ? assert.equal(found[i], each) : assert.match(found[i] ?? '', each)
  })
}

test('a request is for a day unless it says otherwise, and stays as it is', () => {
  assert.equal(stored(kind, asked()).spec.maxExpirationSeconds, 86_400)
  assert.match(changeComplaints(kind, asked(), asked({ podName: 'other' })).join(), /^spec: Invalid value: .*field is immutable$/)
})

const at = '2026-01-02T03:04:05Z'
const condition = (type: string, more: object = {}) => ({
  type,
  status: 'True',
  reason: 'Why',
  message: '',
  lastTransitionTime: at,
  ...more,
})
const decided = (type: string, more: object = {}) => ({ ...asked(), status: { conditions: [condition(type)], ...more } })
const DATES = { notBefore: at, notAfter: '2026-01-03T03:04:05Z', beginRefreshAt: '2026-01-02T20:00:00Z' }

test('a request is decided once, in one way', () => {
  const change = (status: object, old: object = {}) => statusComplaints(kind, { ...asked(), ...old }, { ...asked(), status })
  assert.deepEqual(statusComplaints(kind, asked(), decided('Denied')), [])
  assert.deepEqual(statusComplaints(kind, asked(), decided('Issued', { certificateChain: 'x', ...DATES })), [])
  assert.deepEqual(change({}), [])
  assert.deepEqual(change({ notBefore: at }), [
    'status: Invalid value: status is immutable unless transitioning to "Issued", "Denied", or "Failed"',
  ])
  assert.deepEqual(statusComplaints(kind, decided('Failed'), decided('Issued')), [
    'status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed',
  ])
  assert.match(statusComplaints(kind, asked(), decided('Failed', { notBefore: at })).join(), /non-condition status fields must be empty/)
  assert.deepEqual(
    statusComplaints(kind, asked(), decided('Issued')).map(line => line.split(':')[0]),
    ['status.notBefore', 'status.notAfter', 'status.beginRefreshAt'],
  )
  assert.match(
    change({ conditions: [condition('Denied'), condition('Failed')] }).join(),
    /conditions\[1\]\.type: Invalid value: "Failed": There may be/,
  )
  assert.match(
    change({ conditions: [condition('Ready')] }).join(),
    /Unsupported value: "Ready": supported values: "Issued", "Denied", "Failed"/,
  )
  assert.match(
    change({ conditions: [condition('Denied', { status: 'False' })] }).join(),
    /Unsupported value: "False": supported values: "True"/,
  )
})
