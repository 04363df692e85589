import assert from 'node:assert/strict'

/** Fails unless `actual` has everything that `expected` has, however much it has besides; lists are compared item by item. */
export function assertHas(actual: unknown, expected: unknown, path = 'value'): void {
  if (typeof expected !== 'object' || expected === null) {
    assert.deepEqual(actual, expected, `${path} is ${JSON.stringify(actual)}, wanted ${JSON.stringify(expected)}`)
    return
  }
  assert.ok(typeof actual === 'object' && actual !== null, `${path} is ${JSON.stringify(actual)}, wanted ${JSON.stringify(expected)}`)
  for (const [name, value] of Object.entries(expected)) assertHas((actual as Record<string, unknown>)[name], value, `${path}.${name}`)
}
