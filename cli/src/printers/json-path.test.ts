import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderJsonPath, valuesAtPath } from './json-path.ts'

const data = {
  kind: 'List',
  items: [
    { metadata: { name: 'a', labels: { 'app.kubernetes.io/name': 'x' } }, status: { phase: 'Running', restarts: 3 } },
    { metadata: { name: 'b' }, status: { phase: 'Pending', restarts: 0, ready: true } },
  ],
  users: { bob: 'b', al: 'a' },
}

for (const [template, wanted] of [
  ['{.kind}', 'List'],
  ['kind is {.kind}', 'kind is List'],
  ['{$.items[*].metadata.name}', 'a b'],
  ["{['kind']}", 'List'],
  ['{.items[0].metadata.name}', 'a'],
  ['{.items[-1].metadata.name}', 'b'],
  ['{.items[0:1].metadata.name}', 'a'],
  ['{.items[::2].metadata.name}', 'a'],
  ['{..name}', 'a b'],
  ["{.items[*]['metadata.name']}", ''],
  ["{.items[*].metadata['name']}", 'a b'],
  ['{range .items[*]}{.metadata.name}={.status.phase}{"\\n"}{end}', 'a=Running\nb=Pending\n'],
  ['{range .items[*]}[{.metadata.name}, {.status.restarts}] {end}', '[a, 3] [b, 0] '],
  ['{.items[?(@.status.phase=="Running")].metadata.name}', 'a'],
  ["{.items[?(@.status.phase!='Running')].metadata.name}", 'b'],
  ['{.items[?(@.status.restarts>2)].metadata.name}', 'a'],
  ['{.items[?(@.status.ready==true)].metadata.name}', 'b'],
  ['{.items[?(@.status.ready)].metadata.name}', 'b'],
  ['{.items[0].metadata.labels.app\\.kubernetes\\.io/name}', 'x'],
  ['{.items[0].metadata.labels}', '{"app.kubernetes.io/name":"x"}'],
  ['{.users.*}', 'a b'],
  ['{.nope.deeper}', ''],
  ['{.items[0].status.restarts}', '3'],
  ['{.kind}{"\\t"}{.kind}', 'List\tList'],
  ["{.items[0].metadata.name}{' and '}{.items[1].metadata.name}", 'a and b'],
  ['{range .items[*]}{range .metadata.labels.*}{@}{end}{end}', 'x'],
] as const) {
  test(`${template} gives ${JSON.stringify(wanted)}`, () => assert.equal(renderJsonPath(template, data), wanted))
}

for (const [template, wanted] of [
  ['{.items[5]}', /array index out of bounds: index 5, length 2/],
  ['{.kind', /unclosed action/],
  ['{range .items[*]}', /unclosed range, expected \{end\}/],
  ['{end}', /not in range, nothing to end/],
  ['{.items[x]}', /invalid array index x/],
  ['{.items[0}', /unterminated array/],
] as const) {
  test(`${template} is refused`, () => assert.throws(() => renderJsonPath(template, data), wanted))
}

test('valuesAtPath() takes paths with and without braces and dot', () => {
  for (const path of ['kind', '.kind', '{.kind}', '{kind}', '$.kind']) assert.deepEqual(valuesAtPath(path, data), ['List'])
  assert.throws(() => valuesAtPath('', data), /unexpected path string/)
})
