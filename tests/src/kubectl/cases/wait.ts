/** `kubectl wait`. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { configMap, deployment } from '../fixtures.ts'

export const cases: readonly VerbCase[] = [
  {
    verb: 'wait --for=condition',
    what: 'true, another value, and not within its time',
    files: { 'a.yaml': deployment('app') },
    steps: [
      ['create -f a.yaml', /created/],
      ['wait deploy/app --for=condition=Available --timeout=60s', 'deployment.apps/app condition met'],
      ['wait pod -l app=app --for=condition=Ready=true --timeout=60s', /pod\/app-\S+ condition met/],
      ['wait deploy/app --for=condition=Available=false --timeout=1s', /timed out waiting for the condition/, { code: 1 }],
      ['wait pod --all --for=condition=Ready --timeout=60s', /condition met/],
    ],
  },
  {
    verb: 'wait --for=jsonpath',
    what: 'a value',
    files: { 'a.yaml': deployment('app') },
    steps: [
      ['create -f a.yaml', /created/],
      ['wait deploy/app --for=jsonpath={.status.readyReplicas}=1 --timeout=60s', 'deployment.apps/app condition met'],
      ['wait -f a.yaml --for=jsonpath={.spec.replicas}=1', 'deployment.apps/app condition met'],
    ],
  },
  {
    verb: 'wait --for=jsonpath',
    what: 'any value',
    since: 31,
    files: { 'a.yaml': deployment('app') },
    steps: [
      ['create -f a.yaml', /created/],
      ['wait deploy/app --for=jsonpath={.status.observedGeneration} --timeout=60s', 'deployment.apps/app condition met'],
    ],
  },
  {
    verb: 'wait --for=delete',
    what: 'until it is gone',
    files: { 'a.yaml': configMap('a', 'x', 'finalizers: [test.example/held]') },
    run: async context => {
      await context.run('create -f a.yaml')
      const waiting = await context.start('wait cm/a --for=delete --timeout=30s')
      await context.run('delete cm a --wait=false')
      await context.run('patch cm a --type=merge -p \'{"metadata":{"finalizers":null}}\'')
      await waiting.prints(/configmap\/a condition met/)
      assert.equal(await waiting.ends(), 0)
    },
  },
  {
    verb: 'wait --for=create',
    what: 'until it is there',
    since: 31,
    files: { 'a.yaml': configMap('a', 'x') },
    run: async context => {
      const waiting = await context.start('wait cm/a --for=create --timeout=30s')
      await context.run('create -f a.yaml')
      await waiting.prints(/configmap\/a condition met/)
    },
  },
]
