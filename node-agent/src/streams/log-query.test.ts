import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLogQuery } from './log-query.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const parse = (query: string) => parseLogQuery(new URLSearchParams(query), NOW)

test('parseLogQuery() asks for everything by default', () => {
  assert.deepEqual(parse(''), {
    previous: false,
    follow: false,
    limitBytes: Number.POSITIVE_INFINITY,
    docker: { stdout: true, stderr: true, timestamps: false, tail: 'all' },
  })
})

for (const [query, wanted] of [
  ['tailLines=0', { tail: '0' }],
  ['tailLines=20&timestamps=true', { tail: '20', timestamps: true }],
  ['sinceSeconds=5', { since: `${(NOW / 1000 - 5).toFixed(3)}` }],
  ['sinceTime=2026-01-02T03:04:05Z', { since: `${NOW / 1000}.000000000` }],
  ['sinceTime=2026-01-02T03:04:05.5%2B00:00', { since: `${NOW / 1000}.500000000` }],
  ['sinceTime=2026-01-02T03:04:05.123456789Z', { since: `${NOW / 1000}.123456789` }],
  ['stream=Stderr', { stdout: false }],
  ['stream=Stdout', { stderr: false }],
] as const) {
  test(`parseLogQuery() of ${query}`, () => {
    const { docker } = parse(query)
    assert.deepEqual({ ...docker, ...wanted }, docker)
  })
}

for (const query of ['tailLines=-1', 'tailLines=x', 'sinceSeconds=0', 'limitBytes=0', 'limitBytes=1.5', 'sinceTime=yesterday']) {
  test(`parseLogQuery() refuses ${query}`, () => {
    assert.throws(() => parse(query), /Invalid \w+ "/)
  })
}
