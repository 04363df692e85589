import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '../session/index.ts'
import { parseCustomColumns, printCustomColumns } from './custom-columns.ts'
import { alignColumns, createObjectPrinter, elasticTabs, naturalCompare, printTable, type Table, toJson, toYaml } from './index.ts'

const pods: Table = {
  columnDefinitions: [
    { name: 'Name', type: 'string', format: 'name' },
    { name: 'Ready', type: 'string' },
    { name: 'Age', type: 'string' },
    { name: 'Node', type: 'string', priority: 1 },
  ],
  rows: [
    { cells: ['web-1', '1/1', '5s', 'node-1'], object: object('web-1', { app: 'web', tier: 'front' }) },
    { cells: ['database-0', '0/1', '3d', null], object: object('database-0', { app: 'db' }) },
  ],
}

function object(name: string, labels: Record<string, string> = {}): AnyObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels } }
}

test('printTable() sets columns three spaces apart, in capitals', () => {
  assert.equal(printTable(pods), 'NAME         READY   AGE\nweb-1        1/1     5s\ndatabase-0   0/1     3d\n')
})

test('printTable() shows columns of priority 1 when wide, and nothing as <none>', () => {
  assert.equal(
    printTable(pods, { wide: true }),
    'NAME         READY   AGE   NODE\nweb-1        1/1     5s    node-1\ndatabase-0   0/1     3d    <none>\n',
  )
})

test('printTable() adds namespace, kind and labels where asked', () => {
  assert.equal(
    printTable(pods, { noHeaders: true, withNamespace: true, kindPrefix: 'pod', labelColumns: ['tier'], showLabels: true }),
    'default   pod/web-1        1/1   5s    front   app=web,tier=front\ndefault   pod/database-0   0/1   3d            app=db\n',
  )
})

test('printTable() keeps a cell on one line', () => {
  const table: Table = { columnDefinitions: [{ name: 'Message', type: 'string' }], rows: [{ cells: ['first\nsecond'] }] }
  assert.equal(printTable(table), 'MESSAGE\nfirst...\n')
})

test('printTable() never lets a column shrink while watching', () => {
  const widths: number[] = []
  printTable(pods, { widths })
  const [row] = pods.rows
  assert.equal(printTable({ ...pods, rows: [row!] }, { widths, noHeaders: true }), 'web-1        1/1     5s\n')
})

test('alignColumns() makes a column at least six wide', () => {
  assert.equal(alignColumns([['a', 'b', 'c']]), 'a     b     c\n')
})

test('elasticTabs() ends a column where a line has no such cell', () => {
  assert.equal(
    elasticTabs('a:\tx\nlong name:\ty\nno tab\nb:\tz\n'),
    'a:         x\nlong name:  y\nno tab\nb:  z\n'.replace('a:         x', 'a:          x'),
  )
})

test('elasticTabs() sets an inner column within the block of the outer', () => {
  assert.equal(elasticTabs('a\tb\tc\nd\teee\tf\ng\th\n'), 'a  b    c\nd  eee  f\ng  h\n')
})

for (const [what, value, wanted] of [
  ['sorts members and does not indent lists', { b: [{ y: 1, x: 2 }], a: {} }, 'a: {}\nb:\n- x: 2\n  "y": 1\n'],
  [
    'quotes text that would be something else',
    ['true', '1', '', 'no', '0x1f', '1e3', '12:30', '2026-01-02'],
    '- "true"\n- "1"\n- ""\n- "no"\n- "0x1f"\n- "1e3"\n- "12:30"\n- "2026-01-02"\n',
  ],
  [
    'uses single quotes for indicators',
    ['*', 'a: b', ' x', '{}', '@a', '- b', "it's", "'a'"],
    `- '*'\n- 'a: b'\n- ' x'\n- '{}'\n- '@a'\n- '- b'\n- it's\n- '''a'''\n`,
  ],
  ['keeps lines as a block', { a: 'x\ny\n', b: 'x\ny', c: '\n x\n' }, 'a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |2\n\n   x\n'],
  ['writes plain values plainly', [null, true, 1.5, [], 'a#b', 'a:b', '-'], "- null\n- true\n- 1.5\n- []\n- a#b\n- a:b\n- '-'\n"],
] as const) {
  test(`toYaml() ${what}`, () => assert.equal(toYaml(value), wanted))
}

test('toYaml() breaks long text at the first space after the 80th column', () => {
  const text = `${'word '.repeat(20)}end`
  assert.equal(toYaml({ a: { message: text } }), `a:\n  message: ${'word '.repeat(14)}word\n    ${'word '.repeat(5)}end\n`)
})

test('toJson() sorts members, indents by four and escapes as Go does', () => {
  assert.equal(toJson({ b: '<&>', a: [1] }), '{\n    "a": [\n        1\n    ],\n    "b": "\\u003c\\u0026\\u003e"\n}\n')
})

test('naturalCompare() counts digits as numbers', () => {
  assert.deepEqual(['a10', 'a2', 'a', 'b1'].sort(naturalCompare), ['a', 'a2', 'a10', 'b1'])
})

test('custom columns show fields, and <none> for what is missing', () => {
  const columns = parseCustomColumns('NAME:.metadata.name,LABELS:.metadata.labels,X:{.spec.x}')
  assert.equal(printCustomColumns(columns, [object('web', { a: 'b' })]), 'NAME   LABELS     X\nweb    map[a:b]   <none>\n')
  assert.throws(() => parseCustomColumns('NAME'), /unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>/)
})

test('createObjectPrinter() prints names, Lists and no managed fields', async () => {
  const name = await createObjectPrinter('name')
  assert.equal(name?.print([{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }]), 'deployment.apps/web\n')
  const yaml = await createObjectPrinter('yaml')
  const managed = { ...object('a'), metadata: { name: 'a', managedFields: [{}] } }
  assert.equal(
    yaml?.print([managed], { asList: true }),
    'apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\nkind: List\nmetadata:\n  resourceVersion: ""\n',
  )
  await assert.rejects(createObjectPrinter('nope'), /unable to match a printer suitable for the output format "nope"/)
  assert.equal(await createObjectPrinter('wide'), undefined)
})
