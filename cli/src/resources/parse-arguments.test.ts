import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResourceArguments } from './index.ts'

for (const [args, wanted] of [
  [[], { form: 'none' }],
  [['pods'], { form: 'types', types: ['pods'] }],
  [['po,svc,po'], { form: 'types', types: ['po', 'svc'] }],
  [['po', 'a', 'b', 'a'], { form: 'named', types: ['po'], names: ['a', 'b'] }],
  [['po,svc', 'a'], { form: 'named', types: ['po', 'svc'], names: ['a'] }],
  [
    ['po/a', 'svc/b'],
    {
      form: 'pairs',
      pairs: [
        { type: 'po', name: 'a' },
        { type: 'svc', name: 'b' },
      ],
    },
  ],
] as const) {
  test(`${args.join(' ') || 'nothing'} is read`, () => assert.deepEqual(parseResourceArguments(args), wanted))
}

for (const [args, wanted] of [
  [['po/a', 'svc'], /there is no need to specify a resource type as a separate argument/],
  [['po', 'svc/a'], /there is no need to specify a resource type as a separate argument/],
  [['po/a/b'], /may not have more than one slash/],
  [['po,svc/a'], /must have a single resource and name/],
  [['po/'], /must have a single resource and name/],
] as const) {
  test(`${args.join(' ')} is refused`, () => assert.throws(() => parseResourceArguments(args), wanted))
}
