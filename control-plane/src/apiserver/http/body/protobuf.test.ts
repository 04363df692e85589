import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytes, envelope, number } from '@davit/api/testing'
import fc from 'fast-check'
import { parseBody } from './parse-body.ts'

const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const parse = (body: Buffer, wanted = 'DeleteOptions') => parseBody(body, PROTOBUF, wanted)

describe('parseBody() of protobuf', () => {
  it('reads DeleteOptions of any group', () => {
    const preconditions = bytes(2, bytes(1, 'the-uid'), bytes(2, '42'))
    const body = envelope('policy/v1', 'DeleteOptions', number(1, -1), preconditions, bytes(4, 'Foreground'), bytes(5, 'All'))
    assert.deepEqual(parse(body), {
      apiVersion: 'policy/v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: -1,
      preconditions: { uid: 'the-uid', resourceVersion: '42' },
      propagationPolicy: 'Foreground',
      dryRun: ['All'],
    })
  })

  it('reads what is only spoken', () => {
    const scale = envelope('autoscaling/v1', 'Scale', bytes(2, number(1, 3)))
    assert.deepEqual(parse(scale, 'Scale'), { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 3 } })
    const eviction = envelope('policy/v1', 'Eviction', bytes(1, bytes(1, 'web')), bytes(2, number(1, 0)))
    assert.deepEqual(parse(eviction, 'Eviction'), {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'web' },
      deleteOptions: { gracePeriodSeconds: 0 },
    })
    const bound = bytes(3, bytes(1, 'Pod'), bytes(2, 'v1'), bytes(3, 'web'), bytes(4, ''))
    const token = envelope('authentication.k8s.io/v1', 'TokenRequest', bytes(2, bytes(1, 'vault'), bound, number(4, 600)))
    assert.deepEqual((parse(token, 'TokenRequest') as { spec: unknown }).spec, {
      audiences: ['vault'],
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' },
      expirationSeconds: 600,
    })
  })

  const refusals: [string, Buffer, string][] = [
    [
      'another kind',
      envelope('v1', 'Nope'),
      'Nope in version "v1" cannot be handled as a Pod: no kind "Nope" is registered for version "v1"',
    ],
    [
      'one of no name',
      envelope('', 'constructor'),
      'constructor in version "" cannot be handled as a Pod: no kind "constructor" is registered for version ""',
    ],
    ['nothing', Buffer.alloc(0), 'the object provided is unrecognized (must be of type Pod): empty data (<empty>)'],
    [
      'JSON',
      Buffer.from('{"kind":"Pod","apiVersion":"v1","metadata":{}}'),
      'the object provided is unrecognized (must be of type Pod): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({"kind":"Pod","apiVersion":"v1 ...)',
    ],
    ['what is cut off', Buffer.from('k8s\0\n'), 'the object provided is unrecognized (must be of type Pod): unexpected EOF (6b3873000a)'],
    [
      'a wrong type inside',
      envelope('v1', 'Pod', number(2, 1)),
      'Pod in version "v1" cannot be handled as a Pod: proto: wrong wireType = 0 for field Spec',
    ],
  ]
  for (const [what, body, message] of refusals) {
    it(`refuses ${what} in Kubernetes' words`, () => {
      assert.throws(() => parse(body, 'Pod'), { message, reason: 'BadRequest' })
    })
  }

  it('is not read where no object is wanted', () => {
    assert.throws(() => parseBody(Buffer.alloc(0), PROTOBUF), {
      message: 'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    })
    assert.throws(() => parseBody(Buffer.alloc(0), 'text/plain', 'Pod'), {
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    })
  })

  it('answers any bytes with an object or BadRequest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (random, wrapped) => {
        const inside = Buffer.from(random)
        try {
          parse(wrapped ? envelope('apps/v1', 'ControllerRevision', inside) : Buffer.concat([Buffer.from('k8s\0'), inside]), 'Pod')
        } catch (err) {
          assert.equal((err as { reason?: string }).reason, 'BadRequest')
        }
      }),
    )
  })
})
