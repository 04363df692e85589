/** Environment: keys of ConfigMaps and Secrets, what a pod is told of itself, expansion, Services. */
import assert from 'node:assert/strict'
import { type Container, type EnvFromSource, type EnvVar, nodeKind, parseQuantity, type Service, serviceKind } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, shell } from '../context.ts'

const RESOURCES = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } }
/** Printable ASCII that an environment's name may have; `=` ends a name. */
const ODD_PREFIX = '0 p-._!"#$%&\'()*+,/:;<>?@[\\]^`{|}~'

/** The environment of a container, as it is when the container starts. */
async function environment(context: CaseContext, fields: Partial<Container>): Promise<Map<string, string>> {
  const output = await context.output({ containers: [{ name: 'main', image: 'busybox:1.36', command: ['env'], ...fields }] })
  return new Map(
    output
      .trimEnd()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

function field(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}

function resource(name: string, of: string, divisor?: string): EnvVar {
  return { name, valueFrom: { resourceFieldRef: { resource: of, ...(divisor && { divisor }) } } }
}

/** `kind` as the source of one variable, of all with a prefix, and with a prefix of odd characters. */
function sourceCases(kind: 'ConfigMap' | 'Secret'): Case[] {
  const make = (context: CaseContext, data: Record<string, string>) =>
    kind === 'Secret' ? context.secret('source', data) : context.configMap('source', data)
  const from = (prefix: string): EnvFromSource =>
    kind === 'Secret' ? { prefix, secretRef: { name: 'source' } } : { prefix, configMapRef: { name: 'source' } }
  const keyRef = { name: 'source', key: 'data-1' }
  return [
    {
      row: kind === 'Secret' ? 'One Secret key feeds a container env var' : 'One ConfigMap key feeds a container env var',
      run: async context => {
        await make(context, { 'data-1': 'value-1' })
        const valueFrom = kind === 'Secret' ? { secretKeyRef: keyRef } : { configMapKeyRef: keyRef }
        const env = await environment(context, { env: [{ name: 'DATA', valueFrom }] })
        assert.equal(env.get('DATA'), 'value-1')
      },
    },
    {
      row: kind === 'Secret' ? 'All Secret keys feed container env with prefix' : 'All ConfigMap keys feed container env with prefix',
      run: async context => {
        await make(context, { data_1: 'value-1', data_2: 'value-2' })
        const env = await environment(context, { envFrom: [from(''), from('p_')] })
        assert.deepEqual(
          ['data_1', 'data_2', 'p_data_1', 'p_data_2'].map(name => env.get(name)),
          ['value-1', 'value-2', 'value-1', 'value-2'],
        )
      },
    },
    {
      row: `envFrom prefixes may hold any printable ASCII except '=' (${kind})`,
      run: async context => {
        await make(context, { data_1: 'value-1' })
        const env = await environment(context, { envFrom: [from(ODD_PREFIX)] })
        assert.equal(env.get(`${ODD_PREFIX}data_1`), 'value-1')
        await assert.rejects(context.create('refused', { containers: [shell('true', { envFrom: [from('a=b')] })] }), { reason: 'Invalid' })
      },
    },
  ]
}

export const cases: readonly Case[] = [
  ...sourceCases('ConfigMap'),
  ...sourceCases('Secret'),
  {
    row: 'Container cpu/memory limits and requests reach env vars',
    run: async context => {
      const env = await environment(context, {
        resources: RESOURCES,
        env: [
          resource('CPU_LIMIT', 'limits.cpu'),
          resource('MEMORY_LIMIT', 'limits.memory'),
          resource('CPU_REQUEST', 'requests.cpu', '1m'),
          resource('MEMORY_REQUEST', 'requests.memory'),
        ],
      })
      assert.deepEqual(
        ['CPU_LIMIT', 'MEMORY_LIMIT', 'CPU_REQUEST', 'MEMORY_REQUEST'].map(name => env.get(name)),
        ['2', String(64 << 20), '250', String(32 << 20)],
      )
    },
  },
  {
    row: 'Missing limits default to node allocatable in env vars',
    run: async context => {
      const env = await environment(context, { env: [resource('CPU_LIMIT', 'limits.cpu'), resource('MEMORY_LIMIT', 'limits.memory')] })
      const { spec } = await context.pod('test')
      const { allocatable } = (await context.resource(nodeKind).get({ name: spec.nodeName ?? '' })).status ?? {}
      assert.equal(Number(env.get('CPU_LIMIT')), Math.ceil(parseQuantity(allocatable?.cpu ?? '') ?? Number.NaN))
      assert.equal(Number(env.get('MEMORY_LIMIT')), parseQuantity(allocatable?.memory ?? ''))
    },
  },
  {
    row: 'Host IP reaches an env var',
    run: async context => {
      const env = await environment(context, { env: [field('HOST_IP', 'status.hostIP')] })
      assert.equal(env.get('HOST_IP'), (await context.pod('test')).status?.hostIP)
      assert.ok(context.cluster.hosts.some(({ address }) => address === env.get('HOST_IP')))
    },
  },
  {
    row: 'hostIPs reach an env var',
    run: async context => {
      const env = await environment(context, { env: [field('HOST_IP', 'status.hostIP'), field('HOST_IPS', 'status.hostIPs')] })
      const { hostIPs = [] } = (await context.pod('test')).status ?? {}
      assert.equal(env.get('HOST_IPS'), hostIPs.map(({ ip }) => ip).join(','))
      assert.ok(
        env
          .get('HOST_IPS')
          ?.split(',')
          .includes(env.get('HOST_IP') ?? ''),
      )
    },
  },
  {
    row: 'Pod UID reaches an env var',
    run: async context => {
      const env = await environment(context, { env: [field('POD_UID', 'metadata.uid')] })
      assert.equal(env.get('POD_UID'), (await context.pod('test')).metadata.uid)
    },
  },
  {
    row: 'Pod name, namespace and IP reach env vars',
    run: async context => {
      const env = await environment(context, {
        env: [field('POD_NAME', 'metadata.name'), field('POD_NAMESPACE', 'metadata.namespace'), field('POD_IP', 'status.podIP')],
      })
      assert.equal(env.get('POD_NAME'), 'test')
      assert.equal(env.get('POD_NAMESPACE'), context.namespace)
      assert.match(env.get('POD_IP') ?? '', /^10\.244\.\d+\.\d+$/)
    },
  },
  {
    row: 'Env vars may be composed from earlier env vars',
    run: async context => {
      const env = await environment(context, {
        env: [
          { name: 'FOO', value: 'foo-value' },
          { name: 'BAR', value: 'bar-value' },
          { name: 'FOOBAR', value: '$(FOO);;$(BAR);;$$(FOO);;$(LATER)' },
          { name: 'LATER', value: 'later' },
        ],
      })
      assert.equal(env.get('FOOBAR'), 'foo-value;;bar-value;;$(FOO);;$(LATER)')
    },
  },
  {
    row: '$(VAR) expands in args',
    run: async context => {
      const env = [{ name: 'TEST_VAR', value: 'test-value' }]
      const output = await context.output({
        containers: [shell('', { command: ['sh', '-c'], args: ['TEST_VAR=wrong echo "$(TEST_VAR)"'], env })],
      })
      assert.equal(output, 'test-value\n')
    },
  },
  {
    row: '$(VAR) expands in command',
    run: async context => {
      const env = [{ name: 'TEST_VAR', value: 'test-value' }]
      assert.equal(
        await context.output({ containers: [shell('echo "$(TEST_VAR)" \'$$(TEST_VAR)\'', { env })] }),
        'test-value $(TEST_VAR)\n',
      )
    },
  },
  {
    row: 'Service env vars are injected into pods created later',
    run: async context => {
      const service: Service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: context.named('foo-service'),
        spec: { ports: [{ port: 8765, targetPort: 8080 }], selector: { app: 'foo' } },
      }
      const { spec } = await context.resource(serviceKind).create(service)
      const address = spec?.clusterIP
      assert.ok(address)
      const expected = {
        FOO_SERVICE_SERVICE_HOST: address,
        FOO_SERVICE_SERVICE_PORT: '8765',
        FOO_SERVICE_PORT: `tcp://${address}:8765`,
        FOO_SERVICE_PORT_8765_TCP: `tcp://${address}:8765`,
        FOO_SERVICE_PORT_8765_TCP_PROTO: 'tcp',
        FOO_SERVICE_PORT_8765_TCP_PORT: '8765',
        FOO_SERVICE_PORT_8765_TCP_ADDR: address,
      }
      const env = await environment(context, {})
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map(name => [name, env.get(name)])), expected)
    },
  },
]
