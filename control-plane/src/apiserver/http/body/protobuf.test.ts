import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeDeleteOptions } from './protobuf.ts'
import { decodeMessage } from './protobuf-messages.ts'

const varint = (value: bigint): number[] => (value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)])
const bytes = (field: number, value: Buffer | string): number[] => {
  const content = Buffer.from(value as string)
  return [...varint(BigInt((field << 3) | 2)), ...varint(BigInt(content.length)), ...content]
}
const number = (field: number, value: bigint): number[] => [...varint(BigInt(field << 3)), ...varint(BigInt.asUintN(64, value))]
const envelope = (kind: string, raw: number[]) =>
  Buffer.from([0x6b, 0x38, 0x73, 0, ...bytes(1, Buffer.from([...bytes(1, 'v1'), ...bytes(2, kind)])), ...bytes(2, Buffer.from(raw))])

describe('decodeDeleteOptions()', () => {
  it('reads every field', () => {
    const preconditions = Buffer.from([...bytes(1, 'the-uid'), ...bytes(2, '42')])
    const raw = [...number(1, 30n), ...bytes(2, preconditions), ...bytes(4, 'Foreground'), ...bytes(5, 'All')]
    assert.deepEqual(decodeDeleteOptions(envelope('DeleteOptions', raw)), {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      gracePeriodSeconds: 30,
      preconditions: { uid: 'the-uid', resourceVersion: '42' },
      propagationPolicy: 'Foreground',
      dryRun: ['All'],
    })
  })

  it('reads a negative grace', () => {
    assert.equal(decodeDeleteOptions(envelope('DeleteOptions', number(1, -1n))).gracePeriodSeconds, -1)
  })

  it('refuses another kind', () => {
    assert.throws(() => decodeDeleteOptions(envelope('Pod', [])), /want DeleteOptions, found "Pod"/)
  })

  it('answers any bytes with options or BadRequest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (random, wrapped) => {
        try {
          decodeDeleteOptions(wrapped ? envelope('DeleteOptions', [...random]) : Buffer.from(random))
        } catch (err) {
          assert.equal((err as { reason?: string }).reason, 'BadRequest')
        }
      }),
    )
  })
})

describe('decodeMessage()', () => {
  const of = (kind: string, apiVersion: string, raw: number[]) =>
    Buffer.from([
      0x6b,
      0x38,
      0x73,
      0,
      ...bytes(1, Buffer.from([...bytes(1, apiVersion), ...bytes(2, kind)])),
      ...bytes(2, Buffer.from(raw)),
    ])

  it('reads a TokenRequest, where what is empty is not set', () => {
    const bound = [...bytes(1, 'Pod'), ...bytes(2, 'v1'), ...bytes(3, 'web'), ...bytes(4, '')]
    const spec = [...bytes(1, 'vault'), ...bytes(1, 'bank'), ...bytes(3, Buffer.from(bound)), ...number(4, 600n)]
    const raw = [...bytes(1, Buffer.from(bytes(1, ''))), ...bytes(2, Buffer.from(spec))]
    assert.deepEqual(decodeMessage(of('TokenRequest', 'authentication.k8s.io/v1', raw)), {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { audiences: ['vault', 'bank'], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' }, expirationSeconds: 600 },
    })
  })

  it('reads what else is known of a user', () => {
    const entry = [...bytes(1, 'scopes'), ...bytes(2, Buffer.from([...bytes(1, 'a'), ...bytes(1, 'b')]))]
    const raw = bytes(2, Buffer.from([...bytes(3, 'anna'), ...bytes(5, Buffer.from(entry))]))
    const review = decodeMessage(of('SubjectAccessReview', 'authorization.k8s.io/v1', raw))
    assert.deepEqual(review?.spec, { user: 'anna', extra: { scopes: ['a', 'b'] } })
  })

  it('knows no other kinds', () => {
    assert.equal(decodeMessage(of('Pod', 'v1', [])), undefined)
    assert.equal(decodeMessage(of('constructor', '', [])), undefined)
  })
})
