import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slots } from './slots.ts'

test('no more than there is room for run at once; the others follow in order', async () => {
  const slots = new Slots(2, 10)
  const { signal } = new AbortController()
  let inside = 0
  const order: number[] = []
  const work = Array.from({ length: 6 }, (_, i) =>
    slots.run(signal, async () => {
      assert.ok(++inside <= 2)
      order.push(i)
      await new Promise(resolve => setImmediate(resolve))
      inside--
    }),
  )
  await Promise.all(work)
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5])
})

test('who waits may leave, and too many may not wait', async () => {
  const slots = new Slots(1, 1)
  let end = () => {}
  const first = slots.run(new AbortController().signal, () => new Promise<void>(resolve => (end = resolve)))
  const leaving = new AbortController()
  const left = slots.run(leaving.signal, async () => assert.fail('It has left'))
  await assert.rejects(
    slots.run(new AbortController().signal, async () => {}),
    { message: 'too many webhook calls are under way' },
  )
  leaving.abort(new Error('gone'))
  await assert.rejects(left, { message: 'gone' })
  end()
  await first
  await slots.run(new AbortController().signal, async () => {})
})
