import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, statusComplaints, stored } from '../testing.ts'
import { apiServiceKind as kind } from './api-service.ts'

const NAME = { name: 'v1.test.io' }
const spec = (more: object = {}) => ({ group: 'test.io', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10, ...more })
const SERVICE = { namespace: 'default', name: 'web' }

const CASES: readonly [spec: object, complaints: string[]][] = [
  [spec(), []],
  [spec({ service: SERVICE, caBundle: 'YQ==' }), []],
  [spec({ service: SERVICE, insecureSkipTLSVerify: true }), []],
  [spec({ group: 'other.io' }), ['metadata.name: Invalid value: "v1.test.io": must be `spec.version+"."+spec.group`: "v1.other.io"']],
  [
    spec({ group: '', version: 'v2' }),
    [
      'metadata.name: Invalid value: "v1.test.io": must be `spec.version+"."+spec.group`: "v2."',
      'spec.group: Required value: only v1 may have an empty group and it better be legacy kube',
    ],
  ],
  [spec({ groupPriorityMinimum: 20001 }), ['spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000']],
  [spec({ versionPriority: 0 }), ['spec.versionPriority: Invalid value: 0: must be positive and less than 1000']],
  [spec({ caBundle: 'YWJj' }), ['spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle']],
  [
    spec({ insecureSkipTLSVerify: true }),
    ['spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify'],
  ],
  [spec({ service: {} }), ['spec.service.namespace: Required value', 'spec.service.name: Required value']],
  [
    spec({ service: SERVICE, caBundle: 'YQ==', insecureSkipTLSVerify: true }),
    ['spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'],
  ],
]

for (const [each, wanted] of CASES) {
  test(`an APIService ${JSON.stringify(each)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(kind, { metadata: NAME, spec: each }), wanted)
  })
}

test('group and version of an APIService are names', () => {
  const say = (group: string, version: string) =>
    complaints(kind, { metadata: { name: `${version}.${group}` }, spec: spec({ group, version }) }).join()
  assert.match(say('A', 'v1'), /^spec\.group: Invalid value: "A": a lowercase RFC 1123 subdomain must/)
  assert.match(say('a', '1'), /^spec\.version: Invalid value: "1": a DNS-1035 label must/)
})

test('an APIService is shown as with Kubernetes', () => {
  assert.equal(stored(kind, { spec: spec({ service: SERVICE }) }).spec?.service?.port, 443)
  const condition = (status: string) => ({ status: { conditions: [{ type: 'Available', status, reason: 'Why' }] } })
  const shown = (more: object, service?: object) => {
    const { Service, Available } = cells(kind, { metadata: NAME, spec: spec(service ? { service } : {}), ...more })
    return [Service, Available]
  }
  assert.deepEqual(shown(condition('True')), ['Local', 'True'])
  assert.deepEqual(shown(condition('False'), SERVICE), ['default/web', 'False (Why)'])
  assert.deepEqual(shown({}), ['Local', ''])
  assert.deepEqual(statusComplaints(kind, {}, condition('True')), [])
  assert.deepEqual(statusComplaints(kind, {}, condition('Maybe')), [
    'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
  ])
})
