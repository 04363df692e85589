import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorBody } from '../../status.ts'
import { cells, complaints, stored } from '../testing.ts'
import { podDisruptionBudgetKind } from './pod-disruption-budget.ts'

const budget = (spec: object = {}, rest: object = {}) => ({ spec: { selector: { matchLabels: { app: 'db' } }, ...spec }, ...rest })

const CASES: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ minAvailable: '100%', unhealthyPodEvictionPolicy: 'AlwaysAllow' }, []],
  [{ maxUnavailable: 0, selector: {} }, []],
  [
    { minAvailable: 1, maxUnavailable: 1, selector: null },
    ['spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set'],
  ],
  [{ minAvailable: -1 }, ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']],
  [{ maxUnavailable: '101%' }, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
  [
    { maxUnavailable: 'most' },
    [
      "spec.maxUnavailable: Invalid value: \"most\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
  ],
  [
    { unhealthyPodEvictionPolicy: 'Never' },
    ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
  ],
  [
    { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    ["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  ],
]
for (const [spec, wanted] of CASES) {
  test(`PodDisruptionBudget ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(podDisruptionBudgetKind, budget(spec)), wanted)
  })
}

test('the status of a PodDisruptionBudget counts from 0', () => {
  const zero = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }
  assert.deepEqual(stored(podDisruptionBudgetKind, budget()).status, zero)
  const disruptedPods = { 'db-0': '2026-01-01T00:00:00Z' }
  assert.deepEqual(stored(podDisruptionBudgetKind, budget({}, { status: { disruptedPods } })).status, { ...zero, disruptedPods })
})

test('the status of a PodDisruptionBudget is in order', () => {
  const check = (status: object) => {
    const object = stored(podDisruptionBudgetKind, budget({}, { status }))
    return podDisruptionBudgetKind.validateStatus?.(object, object).map(error => `${error.field}: ${fieldErrorBody(error)}`)
  }
  const condition = { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', lastTransitionTime: '2026-01-01T00:00:00Z' }
  assert.deepEqual(check({ conditions: [condition], disruptionsAllowed: 1 }), [])
  assert.deepEqual(check({ expectedPods: -1 }), ['status.expectedPods: Invalid value: -1: must be greater than or equal to 0'])
  const at = 'status.conditions[0]'
  assert.deepEqual(
    check({ conditions: [{ type: 'a b', status: 'Maybe', observedGeneration: -1 }] })?.map(text => text.slice(0, 90)),
    [
      `${at}.type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_'`.slice(0, 90),
      `${at}.status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"`.slice(0, 90),
      `${at}.observedGeneration: Invalid value: -1: must be greater than or equal to zero`.slice(0, 90),
      `${at}.lastTransitionTime: Required value: must be set`,
      `${at}.reason: Required value: must be set`,
    ],
  )
  assert.match(
    check({ conditions: [{ ...condition, reason: '1' }] })?.join() ?? '',
    /reason: Invalid value: "1": a condition reason must start with/,
  )
  assert.deepEqual(check({ conditions: [condition, condition] }), ['status.conditions[1].type: Duplicate value: "DisruptionAllowed"'])
})

test('kubectl get shows PodDisruptionBudgets as with Kubernetes', () => {
  const metadata = { name: 'db', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:00:30Z')
  assert.deepEqual(cells(podDisruptionBudgetKind, { metadata, ...budget({ minAvailable: 2 }), status: { disruptionsAllowed: 1 } }, now), {
    Name: 'db',
    'Min Available': '2',
    'Max Unavailable': 'N/A',
    'Allowed Disruptions': 1,
    Age: '30s',
  })
})
