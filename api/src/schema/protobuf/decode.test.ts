import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { apiVersionOf } from '../../kind.ts'
import { deploymentKind } from '../../kinds/apps/deployment.ts'
import { subjectAccessReviewKind } from '../../kinds/authorization/reviews.ts'
import { leaseKind } from '../../kinds/coordination/lease.ts'
import { persistentVolumeKind } from '../../kinds/core/persistent-volume.ts'
import { persistentVolumeClaimKind } from '../../kinds/core/persistent-volume-claim.ts'
import { podKind } from '../../kinds/core/pod.ts'
import { secretKind } from '../../kinds/core/secret.ts'
import { serviceKind } from '../../kinds/core/service.ts'
import { KINDS } from '../../kinds/index.ts'
import { bytes, envelope, number } from '../../testing/protobuf.ts'
import { describeSchema, describeZod, type ObjectNode } from '../describe.ts'
import { anyObject, object } from '../fields.ts'
import { decodeMessage } from './decode.ts'
import { openEnvelope } from './envelope.ts'
import { ProtobufError } from './wire.ts'

type AnyKind = Parameters<typeof describeSchema>[0]

const parseJson = (raw: Buffer) => {
  try {
    return JSON.parse(raw.toString())
  } catch {
    throw new ProtobufError('bad JSON')
  }
}
const decode = (kind: AnyKind, ...fields: Buffer[]) =>
  decodeMessage(describeSchema(kind), Buffer.concat(fields), { home: apiVersionOf(kind), parseJson })
// A kind of its own type is an AnyKind to whom it is given.
const as = (kind: unknown) => kind as AnyKind

describe('decodeMessage()', () => {
  it('tells a zero that was set from one that Go wrote because it writes all', () => {
    const spec = bytes(2, number(1, 0), number(5, 0), number(7, 0), number(6, 0))
    assert.deepEqual(decode(as(deploymentKind), bytes(1, bytes(1, 'web'), bytes(2, ''), number(7, 0), bytes(8)), spec, bytes(3)), {
      metadata: { name: 'web' },
      spec: { replicas: 0, revisionHistoryLimit: 0 },
      status: {},
    })
    const claim = bytes(2, bytes(3, ''), bytes(5, ''))
    assert.deepEqual(decode(as(persistentVolumeClaimKind), claim), { spec: { storageClassName: '' } })
  })

  it('reads what JSON has one level higher', () => {
    const volume = bytes(1, bytes(1, 'data'), bytes(2, bytes(6, bytes(1, 'shared'))))
    const probe = bytes(10, bytes(1, bytes(2, bytes(1, '/'), bytes(2, number(1, 1), bytes(3, 'web')))), number(4, 5))
    const pod = decode(as(podKind), bytes(2, volume, bytes(2, bytes(1, 'c'), probe)))
    assert.deepEqual(pod.spec, {
      volumes: [{ name: 'data', secret: { secretName: 'shared' } }],
      containers: [{ name: 'c', livenessProbe: { httpGet: { path: '/', port: 'web' }, periodSeconds: 5 } }],
    })
    const disk = bytes(1, bytes(1, 'old'), bytes(2, bytes(3, bytes(1, 'pd-1'), bytes(2, ''), number(3, 0), number(4, 1))))
    const retired = decode(as(podKind), bytes(2, disk))
    assert.deepEqual(retired.spec, { volumes: [{ name: 'old', gcePersistentDisk: { pdName: 'pd-1', readOnly: true } }] })
    const quantity = bytes(1, bytes(1, 'storage'), bytes(2, bytes(1, '1Gi')))
    const persistent = decode(as(persistentVolumeKind), bytes(2, quantity, bytes(2, bytes(3, bytes(1, '/srv')))))
    assert.deepEqual(persistent.spec, { capacity: { storage: '1Gi' }, hostPath: { path: '/srv' } })
  })

  it('reads times, bytes, maps of lists and numbers or names', () => {
    const time = (seconds: bigint, nanos: number) => [number(1, seconds), number(2, nanos)]
    const lease = decode(as(leaseKind), bytes(2, bytes(3, ...time(1_700_000_000n, 123_456_789))))
    assert.deepEqual(lease.spec, { acquireTime: '2023-11-14T22:13:20.123456Z' })
    const created = decode(as(leaseKind), bytes(1, bytes(8, ...time(1_700_000_000n, 5))))
    assert.deepEqual(created.metadata, { creationTimestamp: '2023-11-14T22:13:20Z' })
    const secret = decode(as(secretKind), bytes(2, bytes(1, 'key'), bytes(2, Buffer.from([0, 255]))), bytes(2, bytes(1, 'none')))
    assert.deepEqual(secret.data, { key: 'AP8=', none: '' })
    const extra = bytes(5, bytes(1, 'scopes'), bytes(2, bytes(1, 'a'), bytes(1, 'b')))
    assert.deepEqual(decode(as(subjectAccessReviewKind), bytes(2, extra)).spec, { extra: { scopes: ['a', 'b'] } })
    const port = (target: Buffer) => decode(as(serviceKind), bytes(2, bytes(1, number(3, 80), target))).spec
    assert.deepEqual(port(bytes(4, number(1, 0), number(2, 8080))), { ports: [{ port: 80, targetPort: 8080 }] })
    assert.deepEqual(port(bytes(4, number(1, 0), number(2, 0))), { ports: [{ port: 80 }] })
  })

  it('reads numbers below zero, numbers in one piece, and a message in two', () => {
    const security = bytes(14, bytes(4, Buffer.from([0, 5])), number(2, -3n))
    const pod = decode(as(podKind), bytes(2, security), bytes(2, bytes(10, 'node-1')))
    assert.deepEqual(pod.spec, { securityContext: { supplementalGroups: [0, 5], runAsUser: -3 }, nodeName: 'node-1' })
  })

  it('reads the schema of a CustomResourceDefinition, which JSON leaves open', () => {
    const validation = describeZod(
      object('CustomResourceValidation', 'A schema.', { openAPIV3Schema: anyObject('The schema.') }),
    ) as ObjectNode
    const raw = (value: string) => bytes(1, value)
    const name = bytes(1, 'name')
    const text = [bytes(5, 'string'), number(14, 0), bytes(20, raw('"a"')), bytes(20, raw('null')), bytes(8, raw('{"b":[1]}'))]
    const half = Buffer.concat([Buffer.from([(11 << 3) | 1]), Buffer.from(new Float64Array([0.5]).buffer)])
    const list = bytes(29, bytes(1, 'list'), bytes(2, bytes(24, bytes(1, bytes(5, 'integer'), half)), bytes(42, 'set'), number(39, 0)))
    const map = bytes(29, bytes(1, 'map'), bytes(2, bytes(30, number(1, 1))))
    const closed = bytes(29, bytes(1, 'closed'), bytes(2, bytes(30, number(1, 0)), number(38, 1)))
    const needs = bytes(32, bytes(1, 'a'), bytes(2, bytes(2, 'b')))
    const schema = bytes(1, bytes(29, name, bytes(2, ...text)), list, map, closed, needs, bytes(44, bytes(1, 'self.a'), number(6, 0)))
    assert.deepEqual(decodeMessage(validation, schema, { home: 'apiextensions.k8s.io/v1', parseJson }).openAPIV3Schema, {
      properties: {
        name: { type: 'string', minLength: 0, enum: ['a', null], default: { b: [1] } },
        list: { items: { type: 'integer', minimum: 0.5 }, 'x-kubernetes-list-type': 'set' },
        map: { additionalProperties: true },
        closed: { additionalProperties: false, 'x-kubernetes-preserve-unknown-fields': true },
      },
      dependencies: { a: ['b'] },
      'x-kubernetes-validations': [{ rule: 'self.a', optionalOldSelf: false }],
    })
  })

  it('leaves out what the schema does not have', () => {
    assert.deepEqual(decode(as(secretKind), bytes(99, 'new'), number(98, 1), bytes(3, 'Opaque')), { type: 'Opaque' })
  })

  it('says what is wrong as Go does', () => {
    assert.throws(() => decode(as(secretKind), Buffer.from([0x0a, 0x05, 0x01])), { message: 'unexpected EOF' })
    assert.throws(() => decode(as(secretKind), number(1, 1)), { message: 'proto: wrong wireType = 0 for field Metadata' })
    assert.throws(() => decode(as(secretKind), Buffer.from([0x9b, 0x01])), { message: 'proto: illegal wireType 3' })
    assert.throws(() => decode(as(secretKind), Buffer.alloc(11, 0xff)), { message: 'proto: integer overflow' })
    assert.throws(() => decode(as(secretKind), bytes(2, bytes(1, '__proto__'))), ProtobufError)
  })

  it('answers any bytes, and any change to good bytes, with an object or ProtobufError', () => {
    const good = bytes(
      2,
      bytes(1, bytes(1, 'data'), bytes(2, bytes(6, bytes(1, 'shared')))),
      bytes(2, bytes(1, 'c'), bytes(8, bytes(1, bytes(1, 'cpu'), bytes(2, bytes(1, '1'))))),
      number(4, 30),
    )
    const kinds = fc.constantFrom(...KINDS)
    const changed = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 })
      .map(changes => changes.reduce((all, [at, byte]) => all.fill(byte, at, at + 1), Buffer.from(good)))
    const any = fc.uint8Array({ maxLength: 64 }).map(array => Buffer.from(array))
    fc.assert(
      fc.property(kinds, fc.oneof(any, changed), (kind, random) => {
        try {
          decode(kind, random)
        } catch (err) {
          assert.ok(err instanceof ProtobufError, String(err))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses more messages than any object has, before they cost time and memory', () => {
    const containers = (count: number) => bytes(2, Buffer.alloc(2 * count, Buffer.from([0x12, 0x00])))
    assert.equal((decode(as(podKind), containers(1000)).spec as { containers: unknown[] }).containers.length, 1000)
    assert.throws(() => decode(as(podKind), containers(1_500_000)), { message: 'exceeded max count of 250000 messages' })
  })
})

describe('openEnvelope()', () => {
  it('gives the kind and the bytes of the object', () => {
    const { apiVersion, kind, raw } = openEnvelope(envelope('apps/v1', 'Deployment', number(1, 2)))
    assert.deepEqual([apiVersion, kind, [...raw]], ['apps/v1', 'Deployment', [8, 2]])
  })

  it('refuses what is none', () => {
    assert.throws(() => openEnvelope(Buffer.alloc(0)), { message: 'empty data' })
    assert.throws(() => openEnvelope(Buffer.from('{}')), {
      message: 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    })
  })
})
