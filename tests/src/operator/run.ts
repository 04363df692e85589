/** The operator, the writer and a control plane that is killed again and again; and what must be true in the end. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { CoreV1Api } from '@kubernetes/client-node'
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts'
import { startEtcd } from '../control-plane/etcd.ts'
import { until } from '../control-plane/until.ts'
import { configOf, NAMESPACE, NOTE_DEFINITION, NotesApi } from './note.ts'
import { OPERATOR_LABELS, Operator, type Told } from './operator.ts'
import { Writer } from './writer.ts'

const SETTLE_MS_MAX = 120_000
const SEED = Number(process.env.DAVIT_FUZZ_SEED ?? 11)

export interface Story {
  /** How many changes, on how many names. */
  changes: number
  objects: number
  /** How often the control plane is killed and started again, spread over the changes. */
  kills: number
  /** Whether etcd forgets its history while the control plane is away for the last time. */
  compact?: boolean
}

export async function runStory(t: TestContext, { changes, objects, kills, compact = false }: Story): Promise<void> {
  await using etcd = await startEtcd()
  await using plane = await startControlPlane({ etcdUrl: etcd.url })
  await plane.must(201, { method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: NAMESPACE } } })
  await plane.must(201, { method: 'POST', path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body: NOTE_DEFINITION })
  await until('the kind to be served', async () => (await plane.ask({ method: 'GET', path: NOTES_PATH })).code === 200)

  const operator = new Operator(configOf(plane.kubeconfig))
  const writer = new Writer(configOf(plane.kubeconfig), SEED)
  const stop = new AbortController()
  const operating = operator.run(stop.signal)
  const began = performance.now()
  try {
    const killing = killAgainAndAgain(plane, {
      kills,
      every: changes / (kills + 1),
      writer,
      beforeLast: () => (compact ? forget(etcd.url) : undefined),
    })
    await Promise.all([writer.run({ changes, objects }), killing])
    const wroteMs = performance.now() - began
    await settled(plane, operator, writer)
    const tookMs = performance.now() - began
    const { reconciles, failures, conflicts, restarts } = operator.counts
    const lists = operator.told.filter(({ what }) => what === 'list').length
    t.diagnostic(
      `${writer.acknowledged} changes in ${seconds(wroteMs)} s (${Math.round(changes / (wroteMs / 1000))}/s, ${writer.retried} sent again), ` +
        `all reconciled after ${seconds(tookMs)} s; ${kills} kills; ${operator.told.length - lists} events, ${lists} lists, ` +
        `${restarts} restarts of the informer; ${reconciles} reconciles, ${failures} failed, ${conflicts} conflicts (seed ${SEED})`,
    )
    checkWhatWasTold(operator, writer, await new NotesApi(configOf(plane.kubeconfig)).list())
    assert.ok(restarts >= kills, 'the informer lost its connection with every kill')
    if (compact) assert.ok(lists > 1, 'the informer had to list again after the history was gone')
  } finally {
    stop.abort()
    await operating
  }
}

const NOTES_PATH = `/apis/${NOTE_DEFINITION.spec.group}/v1/namespaces/${NAMESPACE}/notes`
const seconds = (ms: number) => (ms / 1000).toFixed(1)

async function killAgainAndAgain(
  plane: ControlPlane,
  { kills, every, writer, beforeLast }: { kills: number; every: number; writer: Writer; beforeLast: () => Promise<void> | undefined },
): Promise<void> {
  for (let kill = 1; kill <= kills; kill++) {
    await until(`change ${Math.round(kill * every)}`, () => writer.acknowledged >= kill * every, SETTLE_MS_MAX)
    await plane.kill()
    if (kill === kills) await beforeLast()
    await plane.start()
  }
}

/** Has etcd compact everything up to now. */
async function forget(url: string): Promise<void> {
  const ask = async (path: string, body: object) => {
    const response = await fetch(`${url}/v3/kv/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
    assert.equal(response.status, 200)
    return (await response.json()) as { header: { revision: string } }
  }
  const { header } = await ask('range', { key: Buffer.from('none').toString('base64') })
  await ask('compaction', { revision: header.revision })
}

/** Every Note is what was last written and is reconciled; every ConfigMap is that of a Note, and no other is left. */
async function settled(plane: ControlPlane, { counts }: Operator, { texts }: Writer): Promise<void> {
  const config = configOf(plane.kubeconfig)
  const notes = new NotesApi(config)
  const core = config.makeApiClient(CoreV1Api)
  const labelSelector = Object.entries(OPERATOR_LABELS)
    .map(pair => pair.join('='))
    .join()
  let wrong: string[] = []
  const look = async () => {
    const { items } = await notes.list()
    const maps = new Map(
      (await core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector })).items.map(map => [map.metadata?.name ?? '', map]),
    )
    wrong = []
    for (const { metadata, spec, status } of items) {
      const { name = '', uid, generation } = metadata
      const map = maps.get(name)
      if (spec.text !== texts.get(name)) wrong.push(`${name} says ${spec.text} and not ${texts.get(name)}`)
      if (status?.observedGeneration !== generation) wrong.push(`${name}: observed ${status?.observedGeneration} of ${generation}`)
      if (map?.data?.text !== spec.text) wrong.push(`the ConfigMap of ${name} says ${map?.data?.text} and not ${spec.text}`)
      else if (map.metadata?.ownerReferences?.[0]?.uid !== uid) wrong.push(`the ConfigMap of ${name} has another owner`)
      maps.delete(name)
    }
    if (items.length !== texts.size) wrong.push(`${items.length} Notes where ${texts.size} were left`)
    wrong.push(...[...maps.keys()].map(name => `ConfigMap ${name} has outlived its Note`))
    return wrong.length === 0
  }
  await until('all to be reconciled', look, SETTLE_MS_MAX).catch(error => {
    assert.deepEqual(wrong, [], `after ${JSON.stringify(counts)} (seed ${SEED})`)
    throw error
  })
}

/** Of each name the informer told no version twice, none after a later one, and in the end what there is. */
function checkWhatWasTold({ told }: Operator, { versions }: Writer, { items }: Awaited<ReturnType<NotesApi['list']>>): void {
  const last = new Map<string, Told>()
  const heard = new Set<number>()
  const gaps: { after: number; resourceVersion: number }[] = []
  for (const entry of told) {
    if (entry.what === 'list') {
      gaps.push(entry)
      continue
    }
    const before = last.get(entry.name)
    // One that a list no longer had is told with the version it had.
    const least = (before?.resourceVersion ?? -1) + (entry.what === 'delete' ? 0 : 1)
    assert.ok(entry.resourceVersion >= least, `${JSON.stringify(entry)} came after ${JSON.stringify(before)} (seed ${SEED})`)
    last.set(entry.name, entry)
    heard.add(entry.resourceVersion)
  }
  const missed = versions.filter(
    version => !heard.has(version) && !gaps.some(({ after, resourceVersion }) => after < version && version <= resourceVersion),
  )
  assert.deepEqual(missed, [], `versions that were answered and never told (seed ${SEED})`)

  const present = [...last.values()]
    .filter(({ what }) => what !== 'delete')
    .map(({ name, resourceVersion }) => `${name} ${resourceVersion}`)
  const wanted = items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
  assert.deepEqual(present.sort(), wanted.sort(), `what the informer told last is what there is (seed ${SEED})`)
}
