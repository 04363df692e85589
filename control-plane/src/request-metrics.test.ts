import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { observeRequests } from './request-metrics.ts'

const GET = { verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', scope: 'resource', code: 200 } as const

test('requests are counted by code and timed into buckets that hold all quicker ones too', async () => {
  const register = new Registry()
  const observe = observeRequests([register])
  for (const seconds of [0.0005, 0.001, 0.002, 90]) observe({ ...GET, seconds })
  observe({ ...GET, code: 404, seconds: 0.0075 })
  const lines = (await register.metrics()).split('\n')
  const labels = 'verb="GET",group="",version="v1",resource="pods",subresource="",scope="resource"'
  const duration = 'apiserver_request_duration_seconds'
  for (const line of [
    `apiserver_request_total{${labels},code="200"} 4`,
    `apiserver_request_total{${labels},code="404"} 1`,
    `# TYPE ${duration} histogram`,
    `${duration}_bucket{le="0.001",${labels}} 2`,
    `${duration}_bucket{le="0.0025",${labels}} 3`,
    `${duration}_bucket{le="0.01",${labels}} 4`,
    `${duration}_bucket{le="60",${labels}} 4`,
    `${duration}_bucket{le="+Inf",${labels}} 5`,
    `${duration}_sum{${labels}} 90.011`,
    `${duration}_count{${labels}} 5`,
  ]) {
    assert.ok(lines.includes(line), `Wanted ${line} in\n${lines.join('\n')}`)
  }
})

test('watches are counted and not timed; methods nobody knows share one series', async () => {
  const register = new Registry()
  const observe = observeRequests([register])
  observe({ ...GET, verb: 'watch', scope: 'cluster', seconds: 1800 })
  observe({ ...GET, verb: 'brew', seconds: 1 })
  observe({ ...GET, verb: 'stir', seconds: 1 })
  const text = await register.metrics()
  assert.match(text, /apiserver_request_total\{verb="WATCH",.*\} 1$/m)
  assert.doesNotMatch(text, /duration_seconds_count\{verb="WATCH"/)
  assert.match(text, /apiserver_request_total\{verb="OTHER",.*\} 2$/m)
  assert.doesNotMatch(text, /brew|stir/)
})
