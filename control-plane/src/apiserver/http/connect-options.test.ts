import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectOptions, proxyOptions } from './connect-options.ts'

const options = (subresource: string, query: string) => connectOptions(subresource, new URLSearchParams(query))

test('what a client asks of a stream is an object of its own kind', () => {
  assert.deepEqual(options('exec', 'command=sh&command=-c&stdin=true&tty=false&stdout=1&container=main'), {
    kind: 'PodExecOptions',
    apiVersion: 'v1',
    stdin: true,
    stdout: true,
    container: 'main',
    command: ['sh', '-c'],
  })
  assert.deepEqual(options('attach', 'stdout=true&command=ignored'), { kind: 'PodAttachOptions', apiVersion: 'v1', stdout: true })
  assert.deepEqual(options('portforward', 'ports=80,443'), { kind: 'PodPortForwardOptions', apiVersion: 'v1', ports: [80, 443] })
  assert.deepEqual(options('portforward', ''), { kind: 'PodPortForwardOptions', apiVersion: 'v1' })
  assert.equal(options('log', ''), undefined)
})

test('what is proxied is an object of its own kind, with the path that is asked for', () => {
  assert.deepEqual(proxyOptions({ resource: 'services', path: '/metrics' }), {
    kind: 'ServiceProxyOptions',
    apiVersion: 'v1',
    path: '/metrics',
  })
  assert.deepEqual(proxyOptions({ resource: 'nodes', path: '' }), { kind: 'NodeProxyOptions', apiVersion: 'v1' })
})
