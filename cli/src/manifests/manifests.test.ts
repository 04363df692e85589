import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { toYaml } from '../printers/index.ts'
import { parseManifests, readManifests } from './index.ts'

const configMap = (name: string, data = '') => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${data}`
const names = (manifests: readonly { object: { metadata: { name?: string } } }[]) => manifests.map(({ object }) => object.metadata.name)
const stdin = Readable.from([])

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'manifests-'))
})
after(() => rm(dir, { recursive: true }))

test('documents, Lists and JSON all give objects, in order', () => {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b' } }] })
  assert.deepEqual(names(parseManifests(`# nothing\n---\n${configMap('a')}---\n${list}\n---\n\n`, 'x')), ['a', 'b'])
  assert.deepEqual(parseManifests('', 'x'), [])
})

test('YAML means what it means to Kubernetes', () => {
  const [manifest] = parseManifests(
    configMap(
      'a',
      'data: {mode: 0644, on: yes, port: 22:22, day: 2026-01-02, big: 1e3, here: ., half: .5}\nbase: &b {x: 1}\nmore: {<<: *b, z: 2}\n',
    ),
    'x',
  )
  assert.deepEqual(manifest?.object.data, { mode: 420, true: true, port: '22:22', day: '2026-01-02', big: 1000, here: '.', half: 0.5 })
  assert.deepEqual(manifest?.object.more, { x: 1, z: 2 })
})

for (const [what, text, wanted] of [
  ['a wrong indent', 'a: 1\n b: 2\n', /^error parsing f\.yaml: line 1, column 4: Nested mappings are not allowed/],
  ['a duplicate key', 'a: 1\nb: 1\na: 2\n', /^error parsing f\.yaml: line 3, column 1: Map keys must be unique/],
  ['an open list in the second document', 'kind: A\napiVersion: v1\n---\nx: [1,\n', /^error parsing f\.yaml: line 5, column 1: /],
  ['a tab', 'a:\n\tb: 1\n', /^error parsing f\.yaml: line 2, column 1: /],
  ['no kind', 'apiVersion: v1\n', /^unable to decode "f\.yaml": line 1: Object 'Kind' is missing in '\{"apiVersion":"v1"\}'/],
  ['no apiVersion', '---\n---\nkind: Pod\n', /^unable to decode "f\.yaml": line 3: Object 'apiVersion' is missing/],
  ['a list', '- a\n', /^unable to decode "f\.yaml": line 1: want an object/],
  ['metadata that is none', 'apiVersion: v1\nkind: Pod\nmetadata: 5\n', /metadata is not an object/],
] as const) {
  test(`${what} is refused with its place`, () =>
    assert.throws(
      () => parseManifests(text, 'f.yaml'),
      (err: Error) => wanted.test(err.message),
    ))
}

test('what toYaml() writes is read back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: fc.constantFrom(...'ab1.:-# \n\t\'"{}[]*&!|>%@`~,é') }), value => {
      const wanted = JSON.parse(JSON.stringify(value).replaceAll('-0', '0')) as unknown
      const [manifest] = parseManifests(toYaml({ apiVersion: 'v1', kind: 'Pod', wanted }), 'x')
      assert.deepEqual(manifest?.object.wanted, wanted)
    }),
    { numRuns: 1000 },
  )
})

test('an alias bomb is refused', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefgh'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(',')}]`),
  ]
  assert.throws(() => parseManifests(`${bomb.join('\n')}\n`, 'x'))
})

test('folders are read by name, deeper ones only when asked', async () => {
  await mkdir(join(dir, 'f/deep'), { recursive: true })
  await Promise.all([
    writeFile(join(dir, 'f/2.yaml'), configMap('two')),
    writeFile(join(dir, 'f/1.yml'), configMap('one')),
    writeFile(join(dir, 'f/README.md'), 'no manifest: ['),
    writeFile(join(dir, 'f/deep/3.json'), JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'three' } })),
  ])
  assert.deepEqual(names(await readManifests([join(dir, 'f')], { stdin })), ['one', 'two'])
  assert.deepEqual(names(await readManifests([join(dir, 'f')], { stdin, recursive: true })), ['one', 'two', 'three'])
})

test('stdin and URLs are read too', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/a.yaml' ? 200 : 404
    response.end(configMap('from-url'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    assert.deepEqual(names(await readManifests(['-', `${url}/a.yaml`], { stdin: Readable.from([configMap('piped')]) })), [
      'piped',
      'from-url',
    ])
    await assert.rejects(
      readManifests([`${url}/b.yaml`], { stdin }),
      /unable to read URL ".*\/b\.yaml", server reported 404 Not Found, status code=404/,
    )
  } finally {
    server.close()
    server.closeAllConnections()
  }
  await assert.rejects(readManifests([join(dir, 'nope')], { stdin }), /the path ".*nope" does not exist/)
})
