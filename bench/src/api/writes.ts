/** Creations and updates, beside the same transactions on a bare etcd. */
import { type Pod, podKind } from '@davit/api'
import { progress, ratio, verdict } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { Contenders } from './contenders.ts'
import { examplePod, NAMESPACE, podPath } from './example-pod.ts'
import { writeKey } from './raw-etcd.ts'
import { answerOf } from './requests.ts'
import { milliseconds, perSecond, type Row, type Run } from './rows.ts'

const BUDGET = 2.5
/** Of each, by turns. */
const TIMES = 300
const IN_FLIGHT = 64

const NAMES = { create: 'create', update: 'update (PUT)', status: 'update (PATCH of status)' }
type Write = keyof typeof NAMES

export interface WriteFigures {
  readonly write: Write
  /** One after the other. */
  readonly davitMs: readonly number[]
  readonly etcdMs: readonly number[]
}

export interface CreationRates {
  /** A second, with many in flight. */
  readonly davit: number
  readonly etcd: number
}

/** Creates `count` pods from number `first` on, many in flight, and as many keys on the bare etcd. */
export async function measureCreations(
  { client, etcd, davit }: Contenders,
  { first, count, signal }: { first: number; count: number; signal: AbortSignal },
): Promise<CreationRates> {
  await client.resource(podKind).create(examplePod(podName(first)), { signal })
  const { bytes } = await answerOf(davit, podPath(podName(first)))
  const numbers = { from: first + 1, to: first + count }
  return {
    etcd: await rate(numbers, signal, async number => void (await writeKey(etcd, `/bench/${podName(number)}`, bytes))),
    davit: await rate(numbers, signal, async number => void (await client.resource(podKind).create(examplePod(podName(number))))),
  }
}

const podName = (number: number): string => `bench-${String(number).padStart(5, '0')}`

async function rate(
  numbers: { from: number; to: number },
  signal: AbortSignal,
  create: (number: number) => Promise<void>,
): Promise<number> {
  const began = performance.now()
  let next = numbers.from
  const worker = async () => {
    while (next < numbers.to) {
      signal.throwIfAborted()
      await create(next++)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return (numbers.to - numbers.from) / ((performance.now() - began) / 1000)
}

/** One write at a time, of Davit and of etcd by turns. Leaves the cluster as it was. */
export async function measureWrites({ client, etcd, davit }: Contenders, { run, signal }: Run): Promise<WriteFigures[]> {
  const pods = client.resource(podKind)
  const named = (index: number) => `write-${run}-${index}`
  const made: Pod[] = []
  const revisions: number[] = []
  const first = await pods.create(examplePod(named(TIMES)), { signal })
  const { bytes } = await answerOf(davit, podPath(named(TIMES)))
  const put = async (index: number) => {
    revisions[index] = await writeKey(etcd, `/bench/${named(index)}`, bytes, revisions[index])
  }
  const figures = [
    await byTurns('create', signal, put, async index => {
      made[index] = await pods.create(examplePod(named(index)))
    }),
    await byTurns('update', signal, put, async index => {
      const pod = made[index] as Pod
      made[index] = await pods.update({ ...pod, metadata: { ...pod.metadata, annotations: { written: String(index) } } })
    }),
    await byTurns('status', signal, put, async index => {
      const status = { conditions: [{ type: 'Ready', status: 'True', reason: `Number${index}` }] }
      await pods.patch({ name: named(index), namespace: NAMESPACE }, { type: 'strategic', body: { status } }, { subresource: 'status' })
    }),
  ]
  for (const { metadata } of [...made, first]) {
    await pods.delete({ name: metadata.name ?? '', namespace: NAMESPACE }, { gracePeriodSeconds: 0 })
  }
  progress(`Run ${run}: writes measured`)
  return figures
}

async function byTurns(
  write: Write,
  signal: AbortSignal,
  etcd: (index: number) => Promise<void>,
  davit: (index: number) => Promise<void>,
): Promise<WriteFigures> {
  const figures = { write, davitMs: [] as number[], etcdMs: [] as number[] }
  for (let index = 0; index < TIMES; index++) {
    signal.throwIfAborted()
    figures.etcdMs.push(await timed(() => etcd(index)))
    figures.davitMs.push(await timed(() => davit(index)))
  }
  return figures
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

export function writeRows(creations: readonly CreationRates[], figures: readonly WriteFigures[]): Row[] {
  const rows: Row[] = []
  for (const write of Object.keys(NAMES) as Write[]) {
    const measured = figures.filter(figure => figure.write === write)
    const own = measured.flatMap(({ davitMs }) => davitMs)
    const limit = measured.flatMap(({ etcdMs }) => etcdMs)
    for (const percent of [50, 99]) {
      const [mine, its] = [percentile(own, percent), percentile(limit, percent)]
      const budget = write === 'create' && percent === 50 ? [`<= ${BUDGET}`, verdict(mine / its <= BUDGET)] : []
      rows.push([`${NAMES[write]}, p${percent}`, milliseconds(mine), `etcd ${milliseconds(its)}`, ratio(mine / its), ...budget])
    }
  }
  const [davit, etcd] = [median(creations.map(rates => rates.davit)), median(creations.map(rates => rates.etcd))]
  rows.push([`create, ${IN_FLIGHT} in flight`, perSecond(davit), `etcd ${perSecond(etcd)}`, ratio(davit / etcd)])
  return rows
}
