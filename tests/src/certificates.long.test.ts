/** Certificates on real hosts: short ones renew themselves, the CA is changed under load, and a node that missed it comes back by a token. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CERTIFICATE_ANNOTATIONS,
  configMapKind,
  connectHttp,
  type HttpClient,
  isNodeReady,
  isReason,
  nodeKind,
  publicKeyHash,
} from '@davit/api'
import { agentName, runningPid } from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { load, untilServed } from './load.ts'
import { startMissing } from './restart.ts'

const LIFETIME_MS = 24_000
const REQUEST_EVERY_MS = 100

let cluster: TestCluster
before(async () => {
  const life = `${LIFETIME_MS}ms`
  const controlPlaneArgs = ['--certificate-lifetime', life, '--node-certificate-lifetime', life]
  cluster = await startCluster({ nodes: 2, controlPlaneArgs })
  await cluster.apply(`${deploymentYaml('web', { replicas: 4 })}---\n${serviceYaml('web', { nodePort: 30_083 })}`)
  await cluster.untilReady('web', 4)
})
after(() => cluster?.stop())

interface Kubeconfig {
  readonly certificateAuthority: string
  readonly certificate: string
  readonly key: string
}

async function readKubeconfig(): Promise<Kubeconfig> {
  const text = await readFile(cluster.home.kubeconfig, 'utf8')
  const field = (name: string) => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(text)?.[1] ?? '', 'base64').toString()
  const [certificateAuthority, certificate] = [field('certificate-authority-data'), field('client-certificate-data')]
  return { certificateAuthority, certificate, key: field('client-key-data') }
}

function connect(credentials: Partial<Kubeconfig> & Pick<Kubeconfig, 'certificateAuthority'>): HttpClient {
  return connectHttp({ servers: [`https://127.0.0.1:${cluster.port}`], ...credentials })
}

/** Requests through the Service and, each with what the kubeconfig says at the moment, of the API, while `run` runs. */
async function underLoad<R>(run: () => Promise<R>): Promise<{ result: R; requests: number; apiRequests: number }> {
  const urls = cluster.hosts.map(host => `http://${host.address}:30083/hostname`)
  await untilServed(urls, { answers: 4 })
  const stop = new AbortController()
  const running = load(urls, { concurrency: 2, signal: stop.signal })
  const api = { requests: 0, failures: [] as string[] }
  const asking = (async () => {
    while (!stop.signal.aborted) {
      const client = connect(await readKubeconfig())
      api.requests++
      await client
        .resource(configMapKind)
        .list({ namespace: 'default' })
        .catch(error => api.failures.push(String(error)))
      client.close()
      await delay(REQUEST_EVERY_MS)
    }
  })()
  const containers = await allContainers()
  let result: R
  try {
    result = await run()
  } finally {
    stop.abort()
    await asking
  }
  const { requests, failures } = await running.done
  assert.deepEqual(failures, [])
  assert.deepEqual(api.failures, [])
  assert.deepEqual(await allContainers(), containers, 'no container was started or stopped')
  return { result, requests, apiRequests: api.requests }
}

async function allContainers(): Promise<string[]> {
  return Promise.all(cluster.hosts.map(host => cluster.docker(host, 'ps', '--no-trunc', '-q')))
}

const expiryOf = (name: string) => cluster.nodes.cache.get(name)?.metadata.annotations?.[CERTIFICATE_ANNOTATIONS.expires] ?? ''

test('certificates of nodes and control plane renew themselves again and again, and nobody notices', async t => {
  const seen = new Set<string>()
  const { requests, apiRequests } = await underLoad(async () => {
    const end = performance.now() + 2 * LIFETIME_MS
    while (performance.now() < end) {
      for (const { metadata } of cluster.nodes.cache.list()) seen.add(`${metadata.name} ${expiryOf(metadata.name ?? '')}`)
      await delay(1000)
    }
  })
  t.diagnostic(
    `${requests} requests through the Service and ${apiRequests} of the API while ${seen.size} certificates of nodes came and went`,
  )
  assert.ok(seen.size >= 2 * 3, [...seen].join())
  for (const { metadata } of cluster.nodes.cache.list()) assert.ok(Date.parse(expiryOf(metadata.name ?? '')) > Date.now())
})

test('the CA is changed under load without a failed request, and the old one is refused afterwards', async t => {
  const old = await readKubeconfig()
  const began = performance.now()
  const { result, requests, apiRequests } = await underLoad(() => cluster.davit(['certs', 'rotate-ca'], { timeoutMs: 180_000 }))
  t.diagnostic(
    `${Math.round((performance.now() - began) / 1000)} s, ${requests} requests through the Service and ${apiRequests} of the API`,
  )
  assert.match(result.stdout, /Added CA[\s\S]+signs from now on[\s\S]+Removed CA[\s\S]+Done/)

  const now = await readKubeconfig()
  assert.notEqual(publicKeyHash(now.certificateAuthority), publicKeyHash(old.certificateAuthority))
  const holdsOld = connect({ ...old, certificateAuthority: now.certificateAuthority })
  await assert.rejects(holdsOld.resource(nodeKind).list(), error => isReason(error, 'Unauthorized'))
  holdsOld.close()
  const trustsOld = connect(old)
  await assert.rejects(
    trustsOld.resource(nodeKind).list(),
    error => isReason(error, 'ServiceUnavailable') && /certificate/.test(String(error)),
  )
  trustsOld.close()
  cluster.client.renew(now)
  for (const { metadata } of cluster.nodes.cache.list())
    assert.equal(metadata.annotations?.[CERTIFICATE_ANNOTATIONS.trusted], publicKeyHash(now.certificateAuthority))
})

test('a node that is away holds a change of the CA up, is named, and with --force comes back by a token', async () => {
  const away = join(cluster.home.run, `${agentName('node-2')}.pid`)
  const pid = await runningPid(away)
  assert.ok(pid)
  // Its own token file must be of no use until somebody puts a new one there.
  const tokenFile = join(cluster.home.agents, 'node-2', 'join-token')
  await writeFile(tokenFile, '')
  process.kill(pid, 'SIGSTOP')
  const isReady = (ready: boolean) =>
    cluster.until(nodeKind, `node-2 ${ready ? 'Ready' : 'not Ready'}`, nodes =>
      nodes.some(node => node.metadata.name === 'node-2' && isNodeReady(node) === ready),
    )
  try {
    await isReady(false)
    const stuck = await cluster.davit(['certs', 'rotate-ca', '--timeout', '3s'], { allowFailure: true, timeoutMs: 60_000 })
    assert.equal(stuck.code, 1)
    assert.match(stuck.stderr, /Waiting for .*node node-2 \(away\)/)
    assert.match((await cluster.davit(['certs', 'status'])).stdout, /node node-2 is away/)
    const forced = await cluster.davit(['certs', 'rotate-ca', '--force'], { timeoutMs: 180_000 })
    assert.match(forced.stderr, /Not waiting for node-2: once back, it must join again/)
    assert.match(forced.stdout, /Going on with the change[\s\S]+Done/)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  cluster.client.renew(await readKubeconfig())
  const log = join(cluster.home.logs, `${agentName('node-2')}.log`)
  const until = performance.now() + 60_000
  while (!(await readFile(log, 'utf8')).includes('davit token create --node-name node-2')) {
    assert.ok(performance.now() < until, 'the agent tells how to come back')
    await delay(200)
  }
  // As the command that it names would do: another hash of the CA, a token for this name, and a start.
  process.kill(pid, 'SIGTERM')
  while ((await runningPid(away)) !== undefined) await delay(100)
  await startMissing(cluster)
  await isReady(true)
  assert.equal((await cluster.davit(['certs', 'status'])).stdout.includes('has not come along'), false)
  await cluster.untilReady('web', 4)
})
