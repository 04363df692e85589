/** Software that people run, on claims that keep what it wrote: a database under every ordinary mishap, pods of several steps. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventKind, isPodReady, type Pod, persistentVolumeClaimKind, podKind } from '@davit/api'
import { agentName, killProcess, startDocker, stopDocker } from '@davit/deploy'
import { serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { makePostgresImages } from './postgres-image.ts'
import { startMissing } from './restart.ts'

let cluster: TestCluster
let images: string
before(async () => {
  images = await mkdtemp(join(tmpdir(), 'davit-databases-'))
  cluster = await startCluster({ nodes: 2 })
  await cluster.loadImages(
    await makePostgresImages({ 'postgres:15': { data: '/var/lib/postgresql/data' }, 'mysql:5.7': { data: '/var/lib/mysql' } }, images),
  )
})
after(async () => {
  await cluster?.stop()
  await rm(images, { recursive: true, force: true })
})

const manifest = (name: string) => fileURLToPath(new URL(`../manifests/${name}.yaml`, import.meta.url))
const hostOf = (pod: Pod) => cluster.hosts.find(({ name }) => name === pod.spec.nodeName) ?? assert.fail(`no host ${pod.spec.nodeName}`)

const STORAGE_CLASS = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: standard-ssd }
provisioner: davit.dev/local
volumeBindingMode: WaitForFirstConsumer
`

test('a claim of a class that is not there waits and says so; with it both databases of the manifest run', async () => {
  await cluster.davit(['apply', '-f', manifest('06-storage')])
  await cluster.until(eventKind, 'the Event of the missing class', events =>
    events.some(({ message = '' }) => message.includes('storageclass.storage.k8s.io "standard-ssd" not found')),
  )
  await cluster.apply(STORAGE_CLASS)
  await cluster.until(podKind, 'both databases ready', pods => {
    const own = pods.filter(({ metadata }) => ['my-db', 'mysql'].includes(metadata.labels?.app ?? ''))
    return own.length === 2 && own.every(isPodReady)
  })
  const claims = await cluster.until(
    persistentVolumeClaimKind,
    'both claims bound',
    found => found.length === 2 && found.every(({ status }) => status?.phase === 'Bound') && found,
  )
  assert.deepEqual(claims.map(({ status }) => status?.capacity?.storage).sort(), ['1Gi', '5Gi'])
})

/** Writes numbers into the database one after the other; the log has those that it acknowledged. */
const WRITER = `
apiVersion: v1
kind: Pod
metadata: { name: writer, labels: { app: writer } }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: writer
      image: postgres:15
      command:
        - sh
        - -c
        - |
          until psql -h my-db -U postgres -qc 'create table if not exists rows (n int)'; do sleep 0.2; done
          n=0
          while :; do
            n=$((n + 1))
            if psql -h my-db -U postgres -qc "insert into rows values ($n)" 2>/dev/null; then echo "has $n"; else sleep 0.1; fi
          done
`

async function database(): Promise<Pod> {
  return (await cluster.untilReady('my-db', 1))[0] ?? assert.fail('no database')
}

async function query(sql: string): Promise<string> {
  const { metadata } = await database()
  return (await cluster.kubectl(['exec', metadata.name ?? '', '--', 'psql', '-U', 'postgres', '-Atc', sql])).stdout.trim()
}

async function acknowledged(): Promise<number[]> {
  const { stdout } = await cluster.kubectl(['logs', 'writer', '--tail=-1'])
  return [...stdout.matchAll(/^has (\d+)$/gm)].map(([, n]) => Number(n))
}

/** Waits until the writer goes on after what was done, and holds that every row it was promised is there. */
async function lostNothing(before: number): Promise<void> {
  let has = await acknowledged()
  for (const until = Date.now() + 60_000; (has.at(-1) ?? 0) <= before; has = await acknowledged())
    assert.ok(Date.now() < until, `no row was written after number ${before} within a minute`)
  const there = new Set((await query('select n from rows')).split('\n').map(Number))
  assert.deepEqual(
    has.filter(n => !there.has(n)),
    [],
    'rows that were acknowledged and are not there',
  )
}

test('a database on a claim, while it is written to, keeps every row through deletion, a killed agent and a restarted Docker', async t => {
  await cluster.apply(`${serviceYaml('my-db', { port: 5432, targetPort: 5432 })}---\n${WRITER}`)
  await cluster.untilReady('writer', 1)
  await lostNothing(5)
  const first = await database()
  const last = async () => (await acknowledged()).at(-1) ?? 0

  await t.test('deleted without grace', async () => {
    await cluster.kubectl(['delete', 'pod', first.metadata.name ?? '', '--grace-period=0', '--force'])
    await lostNothing(await last())
    assert.equal((await database()).spec.nodeName, first.spec.nodeName)
  })
  await t.test('killed in the middle of a write', async () => {
    const pod = await database()
    const id = pod.status?.containerStatuses?.[0]?.containerID?.replace('docker://', '') ?? ''
    await cluster.docker(hostOf(pod), 'kill', '--signal', 'KILL', id)
    await cluster.until(podKind, 'the container started again', pods =>
      pods.some(({ metadata, status }) => metadata.uid === pod.metadata.uid && (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0),
    )
    await lostNothing(await last())
  })
  await t.test('its agent killed and the pod deleted meanwhile', async () => {
    const pod = await database()
    await killProcess(join(cluster.home.run, `${agentName(hostOf(pod).name)}.pid`))
    await cluster.kubectl(['delete', 'pod', pod.metadata.name ?? '', '--wait=false'])
    await startMissing(cluster)
    await lostNothing(await last())
    assert.equal((await database()).spec.nodeName, first.spec.nodeName)
  })
  await t.test('its Docker restarted without live-restore', async () => {
    const host = hostOf(await database())
    const options = { logs: cluster.home.logs, run: cluster.home.run }
    await stopDocker(host, options)
    await startDocker(host, { ...options, dockerdArgs: ['--live-restore=false'] })
    await lostNothing(await last())
    await stopDocker(host, options)
    await startDocker(host, options)
    await lostNothing(await last())
  })
  t.diagnostic(`${(await acknowledged()).length} rows acknowledged`)
})

test('steps before, a companion beside: each begins when the one before is done, and the companion ends last', async () => {
  await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: { name: pipeline, labels: { app: pipeline } }
spec:
  restartPolicy: Never
  volumes: [{ name: work, emptyDir: {} }]
  initContainers:
    - { name: fetch, image: 'busybox:1.36', command: [sh, -c, 'echo fetched > /steps/lines'], volumeMounts: &work [{ name: work, mountPath: /steps }] }
    - { name: build, image: 'busybox:1.36', command: [sh, -c, 'grep fetched /steps/lines && echo built >> /steps/lines'], volumeMounts: *work }
    - name: companion
      image: busybox:1.36
      restartPolicy: Always
      command: [sh, -c, 'echo companion >> /steps/lines; trap "cat /steps/lines; exit 0" TERM; touch /steps/up; while :; do sleep 0.1; done']
      startupProbe: { exec: { command: [test, -e, /steps/up] }, periodSeconds: 1 }
      volumeMounts: *work
  containers:
    - { name: main, image: 'busybox:1.36', command: [sh, -c, 'test -e /steps/up && echo main >> /steps/lines'], volumeMounts: *work }
`)
  const done = await cluster.until(podKind, 'pipeline to succeed', pods =>
    pods.find(({ metadata, status }) => metadata.name === 'pipeline' && status?.phase === 'Succeeded'),
  )
  const { stdout } = await cluster.kubectl(['logs', 'pipeline', '-c', 'companion'])
  assert.deepEqual(stdout.trim().split('\n'), ['fetched', 'built', 'companion', 'main'])
  assert.equal(done.status?.initContainerStatuses?.at(-1)?.state?.terminated?.exitCode, 0)
})

test('work that fails twice and then succeeds ends well under OnFailure, having been restarted twice', async () => {
  await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: { name: work, labels: { app: work } }
spec:
  restartPolicy: OnFailure
  volumes: [{ name: state, emptyDir: {} }]
  containers:
    - name: main
      image: busybox:1.36
      command: [sh, -c, 'echo try >> /state/tries; [ $(wc -l < /state/tries) -ge 3 ]']
      volumeMounts: [{ name: state, mountPath: /state }]
`)
  const done = await cluster.until(podKind, 'the work to be done', pods =>
    pods.find(({ metadata, status }) => metadata.name === 'work' && status?.phase === 'Succeeded'),
  )
  const status = done.status?.containerStatuses?.[0]
  assert.deepEqual([status?.restartCount, status?.state?.terminated?.reason], [2, 'Completed'])
})
