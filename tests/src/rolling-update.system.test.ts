import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { deploymentKind, isPodReady, podKind } from '@davit/api'
import { agentName, runningPid } from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { load, untilServed } from './load.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster?.stop())

const isRolledOut = (name: string) => () =>
  cluster.until(deploymentKind, `the rollout of ${name}`, all =>
    all.some(({ metadata, spec, status }) => {
      const replicas = spec?.replicas ?? 1
      return (
        metadata.name === name &&
        status?.observedGeneration === metadata.generation &&
        status?.updatedReplicas === replicas &&
        status?.availableReplicas === replicas &&
        status?.replicas === replicas
      )
    }),
  )

/** Restarts the Deployment again and again under load until `requests` were made; gives what the load counted. */
async function rollUnderLoad(name: string, urls: readonly string[], { requests, concurrency }: { requests: number; concurrency: number }) {
  await untilServed(urls)
  const stop = new AbortController()
  const running = load(urls, { concurrency, signal: stop.signal })
  const progress = { rollouts: 0 }
  try {
    const began = performance.now()
    while (running.sofar().requests < requests) {
      assert.ok(performance.now() - began < 300_000, `the load makes progress: ${running.sofar().requests} of ${requests}`)
      await cluster.kubectl(['rollout', 'restart', `deployment/${name}`])
      await isRolledOut(name)()
      await cluster.untilReady(name, 6)
      progress.rollouts++
    }
  } finally {
    stop.abort()
  }
  return { ...(await running.done), ...progress }
}

test('a rolling update loses no request, each on a connection of its own', async t => {
  await cluster.apply(`${deploymentYaml('web', { replicas: 6 })}---\n${serviceYaml('web', { nodePort: 30_081 })}`)
  await cluster.untilReady('web', 6)
  const urls = cluster.hosts.map(host => `http://${host.address}:30081/hostname`)
  const result = await rollUnderLoad('web', urls, { requests: 20_000, concurrency: 8 })
  t.diagnostic(`${result.requests} requests, ${result.rollouts} rollouts, ${result.answers.size} pods answered`)
  assert.deepEqual(result.failures, [])
  assert.ok(result.requests >= 20_000)
})

test('a rolling update loses no request of 300 ms that is in flight', async t => {
  await cluster.apply(
    `${deploymentYaml('slow', { image: 'slow:1', replicas: 6, port: 8080 })}---\n${serviceYaml('slow', { nodePort: 30_082, targetPort: 8080 })}`,
  )
  await cluster.untilReady('slow', 6)
  const urls = cluster.hosts.map(host => `http://${host.address}:30082/cgi-bin/index.cgi`)
  const result = await rollUnderLoad('slow', urls, { requests: 600, concurrency: 12 })
  t.diagnostic(`${result.requests} requests, ${result.rollouts} rollouts`)
  assert.deepEqual(result.failures, [])
})

test('with the agent of one node stopped, no request through the other nodes is lost', async t => {
  const pid = await runningPid(join(cluster.home.run, `${agentName('node-3')}.pid`))
  assert.ok(pid)
  process.kill(pid, 'SIGSTOP')
  const stop = new AbortController()
  const urls = cluster.hosts.slice(0, 2).map(host => `http://${host.address}:30081/hostname`)
  const running = load(urls, { concurrency: 4, signal: stop.signal })
  try {
    const before = new Set(cluster.podsOf('web').flatMap(pod => (pod.spec.nodeName === 'node-3' ? [] : [pod.metadata.uid])))
    await cluster.kubectl(['rollout', 'restart', 'deployment/web'])
    await cluster.until(podKind, 'a new set of pods on the other nodes', () => {
      const pods = cluster.podsOf('web').filter(pod => pod.spec.nodeName !== 'node-3')
      return pods.every(pod => !before.has(pod.metadata.uid)) && pods.filter(isPodReady).length >= 4
    })
  } finally {
    process.kill(pid, 'SIGCONT')
    stop.abort()
  }
  const result = await running.done
  t.diagnostic(`${result.requests} requests`)
  assert.deepEqual(result.failures, [])
  assert.ok(result.requests > 100)
})
