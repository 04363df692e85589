import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { configMapObject, deploymentObject, readData, secretObject, serviceObject } from './index.ts'

test('readData() takes literals, files, folders and env files', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'data-'))
  try {
    await writeFile(join(dir, 'one.txt'), 'one')
    await writeFile(join(dir, 'two.bin'), Buffer.from([0xff, 0]))
    const data = await readData({ fromFile: [dir, `key=${join(dir, 'one.txt')}`], fromLiteral: ['a=b=c', 'q="x"'] }, {})
    const { data: texts, binaryData } = configMapObject('m', data)
    assert.deepEqual([texts, binaryData], [{ 'one.txt': 'one', key: 'one', a: 'b=c', q: 'x' }, { 'two.bin': '/wA=' }])
    await writeFile(join(dir, 'env'), '# none\nA=1\n  B=x y\nHOME\n')
    const env = await readData({ fromEnvFile: [join(dir, 'env')] }, { HOME: '/me' })
    assert.deepEqual(secretObject('s', env).data, { A: 'MQ==', B: 'eCB5', HOME: 'L21l' })
  } finally {
    await rm(dir, { recursive: true })
  }
})

for (const [sources, wanted] of [
  [{ fromLiteral: ['a'] }, /invalid literal source a, expected key=value/],
  [{ fromLiteral: ['a=1', 'a=2'] }, /cannot add key "a", another key by that name already exists/],
  [{ fromLiteral: ['a/b=1'] }, /"a\/b" is not a valid key name/],
  [{ fromFile: ['/nope'] }, /error reading \/nope: no such file or directory/],
  [{ fromEnvFile: ['x'], fromLiteral: ['a=1'] }, /from-env-file cannot be combined with from-file or from-literal/],
] as const) {
  test(`readData() refuses ${JSON.stringify(sources)}`, () => assert.rejects(readData(sources, {}), wanted))
}

test('deploymentObject() names containers after their images', () => {
  const { spec } = deploymentObject({ name: 'd', images: ['example.com/a/web_app:1', 'nginx@sha256:1', 'nginx:2'], replicas: 2, port: 80 })
  const { template } = spec as { template: { spec: { containers: { name: string; ports?: unknown }[] } } }
  assert.deepEqual(
    template.spec.containers.map(({ name }) => name),
    ['web-app', 'nginx', 'nginx-3'],
  )
  assert.throws(
    () => deploymentObject({ name: 'd', images: ['a', 'b'], replicas: 1, command: ['x'] }),
    /cannot specify multiple --image options and command/,
  )
})

test('serviceObject() reads ports', () => {
  const { spec } = serviceObject({ name: 's', type: 'NodePort', tcp: ['80:http', '443'], nodePort: 30000 })
  assert.deepEqual((spec as { ports: unknown[] }).ports, [
    { name: '80-http', port: 80, protocol: 'TCP', targetPort: 'http', nodePort: 30000 },
    { name: '443', port: 443, protocol: 'TCP', targetPort: 443, nodePort: 30000 },
  ])
  assert.throws(() => serviceObject({ name: 's', type: 'ClusterIP', tcp: ['x'] }), /invalid port format x/)
})
