import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateLogOptions } from './log-options.ts'

const validate = (query: string) => validateLogOptions(new URLSearchParams(query), 'web')
const TIME = 'sinceTime=2026-01-02T03:04:05Z'

for (const [query, wrong] of [
  ['sinceSeconds=0', 'sinceSeconds: Invalid value: 0: must be greater than 0'],
  ['sinceSeconds=-5', 'sinceSeconds: Invalid value: -5: must be greater than 0'],
  ['limitBytes=0', 'limitBytes: Invalid value: 0: must be greater than 0'],
  ['tailLines=-1', 'tailLines: Invalid value: -1: must be greater than or equal to 0'],
  [
    'tailLines=-1&sinceSeconds=0',
    '[tailLines: Invalid value: -1: must be greater than or equal to 0, sinceSeconds: Invalid value: 0: must be greater than 0]',
  ],
  [`sinceSeconds=0&${TIME}`, ': Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified'],
] as const)
  test(`a log with ${query} is refused`, () => {
    assert.throws(() => validate(query), { code: 422, reason: 'Invalid', message: `PodLogOptions "web" is invalid: ${wrong}` })
  })

for (const query of ['', 'tailLines=0&limitBytes=1&sinceSeconds=1', TIME, 'sinceSeconds=&tailLines=', 'sinceSeconds=soon'])
  test(`a log with '${query}' is not refused here`, () => {
    assert.doesNotThrow(() => validate(query))
  })
