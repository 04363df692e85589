import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConfigMap, Container, Secret, Service } from '@davit/api'
import { ConfigError, containerEnv, type EnvContext, expand } from './env.ts'
import { container, pod } from './test-pods.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const configMap = (name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})
const secret = (name: string, data: Record<string, string>): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data })
const service = (namespace: string, name: string, clusterIP: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name },
  spec: { clusterIP, ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
})
const context: EnvContext = {
  downward: {
    nodeName: 'n1',
    hostIp: '10.0.0.1',
    podIp: '10.244.0.2',
    allocatable: { milliCpu: 2000, memoryBytes: 1 << 30, diskBytes: 5_000 },
  },
  configMaps: new Map([['app', configMap('app', { LEVEL: 'debug', 'no=name': 'x', URL: 'http://a' })]]),
  secrets: new Map([['db', secret('db', { PASSWORD: base64('s3cret') })]]),
  services: [],
}
const env = (fields: Partial<Container>, over: Partial<EnvContext> = {}, spec = {}) =>
  Object.fromEntries(containerEnv(pod(spec), container('main', fields), { ...context, ...over }))

describe('containerEnv()', () => {
  it('takes whole objects, with a prefix, and leaves out keys that are no names', () => {
    assert.deepEqual(env({ envFrom: [{ prefix: 'APP_', configMapRef: { name: 'app' } }, { secretRef: { name: 'db' } }] }), {
      APP_LEVEL: 'debug',
      APP_URL: 'http://a',
      PASSWORD: 's3cret',
    })
  })

  it('lets env win over envFrom, and a variable use those before it', () => {
    const variables = [
      { name: 'LEVEL', value: 'info' },
      { name: 'LINE', value: '$(LEVEL) $(URL) $(LATER) $$(LEVEL)' },
      { name: 'LATER', value: 'x' },
    ]
    const { LINE, LEVEL } = env({ envFrom: [{ configMapRef: { name: 'app' } }], env: variables })
    assert.deepEqual([LEVEL, LINE], ['info', 'info http://a $(LATER) $(LEVEL)'])
  })

  it('resolves references to keys, fields and resources', () => {
    const variables = [
      { name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'PASSWORD' } } },
      { name: 'B', valueFrom: { configMapKeyRef: { name: 'app', key: 'LEVEL' } } },
      { name: 'C', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'D', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'E', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'F', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
      { name: 'G', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
    ]
    const resources = { requests: { cpu: '250m' }, limits: { memory: '64Mi' } }
    assert.deepEqual(env({ env: variables, resources }), { A: 's3cret', B: 'debug', C: '10.244.0.2', D: 'web', E: '64', F: '250' })
  })

  it('gives the node’s share for what a container is not limited in, and all addresses', () => {
    const limit = (name: string, resource: string, divisor?: string) => ({
      name,
      valueFrom: { resourceFieldRef: { resource: `limits.${resource}`, ...(divisor && { divisor }) } },
    })
    const variables = [
      limit('CPU', 'cpu'),
      limit('MEMORY', 'memory', '1Mi'),
      limit('DISK', 'ephemeral-storage', '1k'),
      { name: 'IPS', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } },
      { name: 'HOSTS', valueFrom: { fieldRef: { fieldPath: 'status.hostIPs' } } },
    ]
    assert.deepEqual(env({ env: variables }), { CPU: '2', MEMORY: '1024', DISK: '5', IPS: '10.244.0.2', HOSTS: '10.0.0.1' })
  })

  it('takes prefixes and names of any printable characters but =', () => {
    const found = env({ envFrom: [{ prefix: 'app/1: ', configMapRef: { name: 'app' } }], env: [{ name: 'a-b.c', value: '1' }] })
    assert.equal(found['app/1: LEVEL'], 'debug')
    assert.equal(found['a-b.c'], '1')
  })

  for (const [what, fields, message] of [
    ['a Secret', { env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'db-config', key: 'p' } } }] }, 'secret "db-config" not found'],
    ['a whole ConfigMap', { envFrom: [{ configMapRef: { name: 'gone' } }] }, 'configmap "gone" not found'],
    [
      'a key of a ConfigMap',
      { env: [{ name: 'P', valueFrom: { configMapKeyRef: { name: 'app', key: 'q' } } }] },
      "couldn't find key q in ConfigMap shop/app",
    ],
    [
      'a key of a Secret',
      { env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'q' } } }] },
      "couldn't find key q in Secret shop/db",
    ],
  ] as const) {
    it(`says in Kubernetes' words that ${what} is missing`, () => {
      assert.throws(
        () => env(fields as unknown as Partial<Container>),
        (err: unknown) => err instanceof ConfigError && err.message === message,
      )
    })
  }

  it('gives the variables of Services: the API always, others of the namespace when asked for', () => {
    const services = [
      service('default', 'kubernetes', '10.96.0.1'),
      service('shop', 'my-db', '10.96.0.9'),
      service('shop', 'headless', 'None'),
    ]
    const all = env({}, { services })
    assert.equal(all.KUBERNETES_SERVICE_HOST, '10.96.0.1')
    assert.equal(all.MY_DB_SERVICE_PORT_HTTPS, '443')
    assert.equal(all.MY_DB_PORT_443_TCP, 'tcp://10.96.0.9:443')
    assert.equal(all.HEADLESS_SERVICE_HOST, undefined)
    const few = env({}, { services }, { enableServiceLinks: false })
    assert.deepEqual([few.KUBERNETES_SERVICE_HOST, few.MY_DB_SERVICE_HOST], ['10.96.0.1', undefined])
  })
})

describe('expand()', () => {
  for (const [text, wanted] of [
    ['$(A)', '1'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$(B)', '$(B)'],
    ['$A $ $(', '$A $ $('],
  ]) {
    it(`makes "${wanted}" of "${text}"`, () =>
      assert.equal(
        expand(text ?? '', name => (name === 'A' ? '1' : undefined)),
        wanted,
      ))
  }
})
