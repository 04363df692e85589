import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyPodDefaults } from './defaults.ts'
import type { Pod, PodSpec } from './types.ts'
import { validateEphemeralContainersUpdate, validatePodUpdate } from './validate-update.ts'

const base: PodSpec = {
  containers: [{ name: 'a', image: 'i', resources: { limits: { cpu: '500m' } } }],
  initContainers: [{ name: 'x', image: 'i' }],
  tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }],
  activeDeadlineSeconds: 100,
}

function pod(more: Partial<PodSpec> = {}): Pod {
  const made: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: structuredClone({ ...base, ...more }) }
  applyPodDefaults(made)
  return made
}

function errorsOf(changed: Pod, old = pod()): string[] {
  return validatePodUpdate(changed, old).map(({ field, detail = '' }) => `${field}: ${detail}`)
}

const allowed: [string, Partial<PodSpec>][] = [
  ['nothing', {}],
  ['an image', { containers: [{ name: 'a', image: 'j', resources: { limits: { cpu: '500m' } } }] }],
  ['the image of an init container', { initContainers: [{ name: 'x', image: 'j' }] }],
  ['a shorter deadline', { activeDeadlineSeconds: 50 }],
  [
    'another toleration, and for how long',
    {
      tolerations: [
        { key: 'k', operator: 'Exists', effect: 'NoExecute' },
        { key: 'z', operator: 'Exists' },
      ],
    },
  ],
  ['how an amount is written', { containers: [{ name: 'a', image: 'i', resources: { limits: { cpu: 0.5 } } }] }],
  ['empty for absent', { volumes: [], hostNetwork: false, nodeSelector: {} }],
]
for (const [name, change] of allowed) {
  test(`validatePodUpdate() allows to change ${name}`, () => assert.deepEqual(errorsOf(pod(change)), []))
}

const ONLY_THESE =
  'spec: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

const refused: [string, Partial<PodSpec>, string][] = [
  ['the command', { containers: [{ ...base.containers[0]!, command: ['x'] }] }, ONLY_THESE],
  ['the node', { nodeName: 'n' }, ONLY_THESE],
  ['the amounts', { containers: [{ name: 'a', image: 'i', resources: { limits: { cpu: 1 } } }] }, ONLY_THESE],
  ['the grace period', { terminationGracePeriodSeconds: 1 }, ONLY_THESE],
  [
    'the number of containers',
    { containers: [...base.containers, { name: 'b', image: 'i' }] },
    'spec.containers: pod updates may not add or remove containers',
  ],
  ['a toleration away', { tolerations: [] }, 'spec.tolerations: existing toleration can not be modified except its tolerationSeconds'],
  ['the deadline up', { activeDeadlineSeconds: 200 }, 'spec.activeDeadlineSeconds: must be less than or equal to previous value'],
  ['gates in', { schedulingGates: [{ name: 'g' }] }, "spec.schedulingGates: only deletion is allowed, but found new scheduling gate 'g'"],
]
for (const [name, change, wanted] of refused) {
  test(`validatePodUpdate() refuses to change ${name}`, () => {
    const errors = errorsOf(pod(change))
    assert.equal(errors.length, 1)
    assert.equal(errors[0]?.split('\n')[0], wanted)
  })
}

test('validatePodUpdate() lets a gated pod be narrowed, not widened', () => {
  const gated = pod({ schedulingGates: [{ name: 'g' }], nodeSelector: { a: 'b' } })
  assert.deepEqual(errorsOf(pod({ nodeSelector: { a: 'b', c: 'd' } }), gated), [])
  assert.equal(errorsOf(pod({ nodeSelector: { c: 'd' } }), gated).length, 1)
})

test('validatePodUpdate() names what changed', () => {
  const [error] = validatePodUpdate(pod({ nodeName: 'n', hostname: 'h' }), pod())
  assert.match(error?.detail ?? '', /if it was previously negative\)\nchanged: spec\.nodeName, spec\.hostname$/)
})

test('validateEphemeralContainersUpdate() allows only to add some', () => {
  const first = { name: 'e', image: 'i' }
  const fields = (changed: Pod, old: Pod) => validateEphemeralContainersUpdate(changed, old).map(({ detail }) => detail)
  assert.deepEqual(fields(pod({ ephemeralContainers: [first] }), pod()), [])
  const old = pod({ ephemeralContainers: [first] })
  assert.deepEqual(fields(pod({ ephemeralContainers: [{ ...first, image: 'j' }] }), old), [
    'existing ephemeral containers "e" may not be changed',
  ])
  assert.deepEqual(fields(pod(), old), ['existing ephemeral containers "e" may not be removed'])
  assert.deepEqual(fields(pod({ ephemeralContainers: [first], nodeName: 'n' }), old), ['only ephemeralContainers may be changed'])
})
