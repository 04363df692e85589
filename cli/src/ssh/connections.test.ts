import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Connections } from './connections.ts'
import type { SshHost } from './host.ts'

/** A host as far as its connection goes. */
class Line {
  isClosed = false
  close(): void {
    this.isClosed = true
  }
}

test('a machine is logged in to once, and anew where that was lost or failed', async () => {
  const lines: Line[] = []
  let isReachable = true
  const connections = new Connections(async () => {
    if (!isReachable) throw new Error('away')
    lines.push(new Line())
    return lines.at(-1) as unknown as SshHost
  })
  const [first, same, through] = await Promise.all([connections.to('a'), connections.to('a'), connections.to('a', 'jump')])
  assert.equal(first, same)
  assert.notEqual(first, through)
  first.close()
  isReachable = false
  await assert.rejects(connections.to('a'), /away/)
  isReachable = true
  assert.notEqual(await connections.to('a'), first)
  assert.equal(lines.length, 3)
  await connections.close()
  assert.ok(lines.every(({ isClosed }) => isClosed))
})
