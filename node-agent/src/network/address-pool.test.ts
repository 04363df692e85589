import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AddressPool } from './address-pool.ts'

test('allocate() gives addresses in order and the same one when asked again', () => {
  const pool = new AddressPool('10.244.1.0/24')
  assert.equal(pool.gateway, '10.244.1.1')
  assert.equal(pool.allocate('a'), '10.244.1.2')
  assert.equal(pool.allocate('b'), '10.244.1.3')
  assert.equal(pool.allocate('a'), '10.244.1.2')
})

test('allocate() takes the address that has been free the longest', () => {
  const pool = new AddressPool('10.244.1.0/26')
  const first = pool.allocate('a')
  pool.release('a')
  assert.notEqual(pool.allocate('b'), first)
  for (let i = 0; i < 44; i++) pool.allocate(`c${i}`)
  assert.equal(pool.allocate('last'), first)
})

test('allocate() leaves the last /28 to containers attached by hand, and says when none is free', () => {
  const pool = new AddressPool('10.244.1.0/26')
  const all = Array.from({ length: 46 }, (_, i) => pool.allocate(`p${i}`))
  assert.equal(all.at(-1), '10.244.1.47')
  assert.throws(() => pool.allocate('more'), /Cannot give pod "more" an address: all 46 of 10\.244\.1\.0\/26 are in use/)
})

test('adopt() refuses another pod, another node and a bad address', () => {
  const pool = new AddressPool('10.244.1.0/24')
  pool.adopt('a', '10.244.1.9')
  pool.adopt('a', '10.244.1.9')
  assert.throws(() => pool.adopt('b', '10.244.1.9'), /pod "a" holds it/)
  assert.throws(() => pool.adopt('b', '10.244.2.9'), /wanted one of 10\.244\.1\.0\/24/)
  assert.throws(() => pool.adopt('b', 'nonsense'), /Cannot read address/)
  assert.equal(pool.allocate('a'), '10.244.1.9')
})

test('AddressPool never gives one address to two pods', () => {
  const step = fc.record({
    what: fc.constantFrom('allocate', 'release', 'adopt'),
    pod: fc.integer({ min: 0, max: 50 }),
    host: fc.integer({ min: 2, max: 47 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const pool = new AddressPool('10.244.1.0/26')
      const held = new Map<string, string>()
      for (const { what, pod, host } of steps) {
        const uid = `p${pod}`
        try {
          if (what === 'allocate') held.set(uid, pool.allocate(uid))
          else if (what === 'adopt') {
            pool.adopt(uid, `10.244.1.${host}`)
            held.set(uid, `10.244.1.${host}`)
          } else {
            pool.release(uid)
            held.delete(uid)
          }
        } catch {
          // Refused: nothing changed.
        }
        assert.equal(new Set(held.values()).size, held.size)
        assert.equal(pool.inUse, held.size)
      }
    }),
  )
})
