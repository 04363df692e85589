import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '@davit/api'
import { planShutdown } from './plan.ts'

const pod = (name: string, priority = 0): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name },
  spec: { priority, containers: [{ name: 'main', image: 'a' }] },
})
const times = { graceMs: 30_000, criticalMs: 10_000 }
const shown = (pods: readonly Pod[]) =>
  planShutdown(pods, times).map(step => [step.pods.map(({ metadata }) => metadata.name).join(' '), step.graceSeconds])

describe('planShutdown()', () => {
  it("ends the system's own pods last, in their part of the time", () =>
    assert.deepEqual(shown([pod('dns', 2_000_001_000), pod('web'), pod('db', 1_000)]), [
      ['web db', 20],
      ['dns', 10],
    ]))
  it('takes no step for nobody', () => {
    assert.deepEqual(shown([]), [])
    assert.deepEqual(shown([pod('dns', 2_000_000_000)]), [['dns', 10]])
  })
})
