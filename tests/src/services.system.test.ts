import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connectHttp, type Pod, podKind } from '@davit/api'
import { inHost } from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { fetchOnce, untilServed } from './load.ts'

let cluster: TestCluster
let pods: readonly Pod[]
before(async () => {
  cluster = await startCluster({ withoutBridgeNetfilter: true })
  await cluster.apply(
    [
      deploymentYaml('web'),
      serviceYaml('web', { nodePort: 30_090 }),
      serviceYaml('sticky', { app: 'web', extra: 'sessionAffinity: ClientIP' }),
      serviceYaml('nobody', { app: 'nobody' }),
      'apiVersion: v1\nkind: Service\nmetadata: { name: headless }\nspec: { clusterIP: None, selector: { app: web }, ports: [{ port: 80 }] }\n',
    ].join('---\n'),
  )
  pods = await cluster.untilReady('web', 3)
  await untilServed(
    cluster.hosts.map(host => `http://${host.address}:30090/hostname`),
    { answers: 3 },
  )
})
after(() => cluster?.stop())

/** Runs a shell line in a pod; gives its output and exit code. */
async function inPod(pod: Pod | undefined, line: string, version = 33) {
  const { stdout, code } = await cluster.kubectl(['exec', pod?.metadata.name ?? '', '--', 'sh', '-c', line], {
    version,
    allowFailure: true,
  })
  return { stdout: stdout.trim(), code }
}

/** A request by nc: the image's wget cannot resolve names. */
const request = (host: string, path = '/hostname') => `printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${host} 80 | tail -n 1`

async function clusterIp(service: string): Promise<string> {
  return (await cluster.kubectl(['get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}'])).stdout
}

test('a pod reaches pods on its own node and on others through a Service', async () => {
  const address = await clusterIp('web')
  for (const pod of pods) {
    const { stdout } = await inPod(pod, `for i in $(seq 40); do ${request(address)}; done`)
    const answered = new Set(stdout.split('\n').map(line => line.trim()))
    assert.deepEqual(
      [...answered].sort(),
      pods.map(each => each.metadata.name).sort(),
      `all replicas, itself included, answer ${pod.metadata.name}`,
    )
  }
})

test('pods see each other by their own addresses', async () => {
  const [from, to] = pods
  const { stdout } = await inPod(from, request(to?.status?.podIP ?? '', '/client'))
  assert.equal(stdout, from?.status?.podIP)
})

test('a NodePort answers on every node, from outside', async () => {
  for (const host of cluster.hosts) assert.match(await fetchOnce(`http://${host.address}:30090/hostname`), /^web-/)
})

test('a node itself reaches a Service', async () => {
  const address = await clusterIp('web')
  for (const host of cluster.hosts) {
    const { stdout } = await inHost(host, 'sh', ['-c', request(address).replace('nc -w', '/bin/busybox nc -w')])
    assert.match(stdout.trim(), /^web-/)
  }
})

test('session affinity keeps a client with one pod', async () => {
  const address = await clusterIp('sticky')
  const { stdout } = await inPod(pods[0], `for i in 1 2 3 4 5 6 7 8 9 10; do ${request(address)}; done`)
  assert.equal(new Set(stdout.split('\n').map(line => line.trim())).size, 1)
})

test('a Service without endpoints refuses at once', async () => {
  const address = await clusterIp('nobody')
  const began = performance.now()
  const { code } = await inPod(pods[0], `nc -w 10 ${address} 80 </dev/null`)
  assert.notEqual(code, 0)
  assert.ok(performance.now() - began < 5_000, 'refused, not timed out')
})

test('names of Services, short and whole, resolve in pods', async () => {
  const address = await clusterIp('web')
  for (const name of ['web', 'web.default', 'web.default.svc', 'web.default.svc.cluster.local']) {
    // nc resolves as programs do: by resolv.conf and its search list.
    assert.match((await inPod(pods[0], request(name))).stdout, /^web-/, name)
  }
  assert.ok((await inPod(pods[0], 'nslookup web.default.svc.cluster.local')).stdout.includes(address))
})

test('a headless Service resolves to its pods', async () => {
  const { stdout } = await inPod(pods[0], 'nslookup headless.default.svc.cluster.local 10.96.0.10')
  for (const pod of pods) assert.ok(stdout.includes(pod.status?.podIP ?? 'none'), stdout)
})

test('the API server answers pods at its Service', async () => {
  const { code } = await inPod(pods[0], 'nc -w 3 10.96.0.1 443 </dev/null')
  assert.equal(code, 0)
})

test("a pod has its account's token, the CA and its namespace as files, and they open the API", async () => {
  const dir = '/var/run/secrets/kubernetes.io/serviceaccount'
  const { stdout } = await inPod(pods[0], `cat ${dir}/namespace; echo; cat ${dir}/token; echo; cat ${dir}/ca.crt`)
  const [namespace = '', token = '', ...ca] = stdout.split('\n')
  assert.equal(namespace.trim(), 'default')
  const servers = [`https://127.0.0.1:${cluster.port}`]
  const client = connectHttp({ servers, certificateAuthority: ca.join('\n'), token: token.trim() })
  const refusal = /User "system:serviceaccount:default:default" cannot list resource "pods"/
  await assert.rejects(client.resource(podKind).list({ namespace: 'default' }), refusal)
  await client.close()
})

for (const version of [29, 33]) {
  test(`kubectl 1.${version} runs commands in a pod: output, input, exit code`, async () => {
    assert.deepEqual(await inPod(pods[0], 'echo out; exit 3', version), { stdout: 'out', code: 3 })
    const { stdout } = await cluster.kubectl(['exec', '-i', pods[0]?.metadata.name ?? '', '--', 'cat'], { version, input: 'through stdin' })
    assert.equal(stdout, 'through stdin')
  })

  test(`kubectl 1.${version} reads logs`, async () => {
    const name = pods[1]?.metadata.name ?? ''
    await inPod(pods[0], request(pods[1]?.status?.podIP ?? '', `/index.html?v${version}`))
    const { stdout } = await cluster.kubectl(['logs', name, '--tail=20'], { version })
    assert.match(stdout, new RegExp(`GET /index.html\\?v${version} `))
  })
}
