import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@davit/api'
import { Turns } from './turns.ts'

test('turns of one key never overlap and come in order; other keys do not wait', async () => {
  const turns = new Turns(systemClock)
  const order: number[] = []
  let inside = 0
  const first = await turns.take('a')
  const others = Array.from({ length: 60 }, async (_, i) => {
    const end = await turns.take('a')
    assert.equal(++inside, 1)
    order.push(i)
    await Promise.resolve()
    inside--
    end()
  })
  const other = await turns.take('b')
  other()
  assert.deepEqual(order, [])
  first()
  await Promise.all(others)
  assert.deepEqual(
    order,
    Array.from({ length: 60 }, (_, i) => i),
  )
})

test('who leaves the line holds nobody up', async () => {
  const turns = new Turns(systemClock)
  const end = await turns.take('a')
  const leaving = new AbortController()
  const left = turns.take('a', leaving.signal)
  const stayed = turns.take('a')
  leaving.abort(new Error('gone'))
  await assert.rejects(left, { message: 'gone' })
  end()
  end()
  ;(await stayed)()
  ;(await turns.take('a'))()
})

test('who waits too long is told so', async () => {
  let wake: (() => void) | undefined
  const clock = { ...systemClock, sleep: () => new Promise<void>(resolve => (wake = resolve)) }
  const turns = new Turns(clock)
  const end = await turns.take('a')
  const late = turns.take('a')
  wake?.()
  await assert.rejects(late, { message: 'Internal error occurred: resource quota evaluation timed out' })
  end()
})
