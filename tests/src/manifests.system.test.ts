import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventKind, podKind, serviceKind } from '@davit/api'
import { startCluster, type TestCluster } from './cluster.ts'
import { fetchOnce, untilServed } from './load.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster?.stop())

const manifest = (name: string) => fileURLToPath(new URL(`../manifests/${name}.yaml`, import.meta.url))
const apply = (name: string) => cluster.davit(['apply', '-f', manifest(name)])

test('a bare pod runs and serves', async () => {
  assert.match((await apply('01-pod')).stdout, /^pod\/nginx-pod created$/m)
  const pod = await cluster.until(podKind, 'nginx-pod to run', pods =>
    pods.find(each => each.metadata.name === 'nginx-pod' && each.status?.phase === 'Running'),
  )
  const host = cluster.hosts.find(each => each.name === pod.spec.nodeName)
  assert.equal(pod.status?.hostIP, host?.address)
  assert.match(pod.status?.containerStatuses?.[0]?.containerID ?? '', /^docker:\/\/[0-9a-f]{64}$/)
})

test('a Deployment of three and its Services serve from every node', async () => {
  await apply('02-deployment')
  await apply('03-service')
  const pods = await cluster.untilReady('my-nginx', 3)
  assert.equal(new Set(pods.map(pod => pod.spec.nodeName)).size, 3, 'one replica a node')
  await untilServed(
    cluster.hosts.map(host => `http://${host.address}:30080/hostname`),
    { answers: 3 },
  )
  for (const host of cluster.hosts) {
    const answers = new Set<string>()
    for (let tries = 0; answers.size < 3 && tries < 100; tries++)
      answers.add((await fetchOnce(`http://${host.address}:30080/hostname`)).trim())
    assert.deepEqual([...answers].sort(), pods.map(pod => pod.metadata.name).sort())
  }
})

test('a LoadBalancer Service gets the addresses of the nodes', async () => {
  await cluster.until(serviceKind, 'addresses of web-service', services => {
    const ingress = services.find(each => each.metadata.name === 'web-service')?.status?.loadBalancer?.ingress ?? []
    return ingress.length === 3 && ingress.every(each => cluster.hosts.some(host => host.address === each.ip))
  })
})

test('environment comes from ConfigMaps and Secrets', async () => {
  await apply('05-config')
  const [pod] = await cluster.untilReady('my-api', 1)
  const { stdout } = await cluster.kubectl(['exec', pod?.metadata.name ?? '', '--', 'sh', '-c', 'echo $LOG_LEVEL $DATABASE_PASSWORD'])
  assert.equal(stdout.trim(), 'DEBUG password123')
})

test('a container whose Secret is missing says so, and starts once it is there', async () => {
  await apply('07-web-app')
  const message = await cluster.until(podKind, 'CreateContainerConfigError', pods => {
    const waiting = pods
      .filter(pod => pod.metadata.labels?.app === 'web-app')
      .map(pod => pod.status?.containerStatuses?.[0]?.state?.waiting)
    return waiting.length === 3 && waiting.every(each => each?.reason === 'CreateContainerConfigError') && waiting[0]?.message
  })
  assert.equal(message, 'secret "db-config" not found')
  await cluster.until(eventKind, 'the Event of it', events =>
    events.some(event => event.reason === 'Failed' && event.message?.includes('secret "db-config" not found')),
  )
  await cluster.kubectl(['create', '-f', '-'], {
    input: 'apiVersion: v1\nkind: Secret\nmetadata: { name: db-config }\nstringData: { url: postgres://db }\n',
  })
  await cluster.untilReady('web-app', 3, 90_000)
})

test('a namespace is made and goes with all that is in it', async () => {
  assert.match((await apply('09-namespace')).stdout, /^namespace\/development created$/m)
  await cluster.davit(['-n', 'development', 'apply', '-f', manifest('02-deployment')])
  await cluster.until(
    podKind,
    'pods in development',
    pods => pods.filter(pod => pod.metadata.namespace === 'development' && pod.status?.phase === 'Running').length === 3,
  )
  await cluster.davit(['delete', 'namespace', 'development'])
  assert.equal([...cluster.pods.cache.list()].filter(pod => pod.metadata.namespace === 'development').length, 0)
})

test('applying everything again changes nothing', async () => {
  for (const name of ['01-pod', '02-deployment', '03-service', '05-config', '07-web-app']) {
    const { stdout } = await apply(name)
    for (const line of stdout.trim().split('\n')) assert.match(line, / unchanged$/)
  }
})
