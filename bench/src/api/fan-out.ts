/** One event to a thousand watchers, beside bare fastify that writes the same bytes to as many streams, and beside as many watches of etcd. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { podKind } from '@davit/api'
import { progress, ratio, verdict } from '../report.ts'
import { percentile } from '../statistics.ts'
import { processorSeconds, residentMegabytes } from '../usage.ts'
import { poll, settle } from '../wait.ts'
import type { Contenders, Target } from './contenders.ts'
import { examplePod, NAMESPACE, podPath } from './example-pod.ts'
import { watchKey, writeKey } from './raw-etcd.ts'
import { answerOf } from './requests.ts'
import { megabytes, milliseconds, type Row, type Run } from './rows.ts'

const WATCHERS = 1_000
const PER_CONNECTION = 100
const EVENTS = 40
const WARM_UP = 5
const BUDGET_MS = 100
const POD = 'watched'
const KEY = '/bench/watched'

type Contender = 'davit' | 'fastify' | 'etcd'

export interface FanOutFigures {
  readonly contender: Contender
  /** From before the write was sent until a watcher had the event: p50, p99 and the last of all. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Of the server, for one event. */
  readonly processorMs?: number
  /** Resident, without and with the watchers, and after the events. */
  readonly memory?: { readonly before: number; readonly opened: number; readonly after: number }
}

export async function measureFanOut(contenders: Contenders, { run, signal }: Run): Promise<FanOutFigures[]> {
  const { davit, bare, etcd, client, prepare } = contenders
  const pods = client.resource(podKind)
  const target = { name: POD, namespace: NAMESPACE }
  await pods.create(examplePod(POD), { signal })
  const { bytes } = await answerOf(davit, podPath(POD))
  await prepare('event', Buffer.concat([Buffer.from('{"type":"MODIFIED","object":'), bytes, Buffer.from('}\n')]))

  const path = `/api/v1/namespaces/${NAMESPACE}/pods?watch=true&fieldSelector=metadata.name%3D${POD}&resourceVersion=`
  const { resourceVersion = '' } = (await pods.get(target)).metadata
  const figures = [
    await measure(
      'davit',
      { signal, pid: davit.pid },
      seen => watchOver(davit, path + resourceVersion, seen),
      async event => {
        const status = { conditions: [{ type: 'Ready', status: 'True', reason: `Event${run}x${event}` }] }
        await pods.patch(target, { type: 'strategic', body: { status } }, { subresource: 'status' })
      },
    ),
    await measure(
      'fastify',
      { signal, pid: bare.pid },
      seen => watchOver(bare, '/watch/', seen),
      () => post(bare, '/event'),
    ),
    await measure(
      'etcd',
      { signal },
      seen => watchKey(etcd, KEY, { count: WATCHERS, perStream: PER_CONNECTION, seen }),
      async () => {
        revision = await writeKey(etcd, KEY, bytes, revision)
      },
    ),
  ]
  await pods.delete(target, { gracePeriodSeconds: 0 })
  progress(`Run ${run}: ${WATCHERS} watchers measured`)
  return figures
}

/** Of the watched key of etcd, which stays from run to run. */
let revision = 0

type OpenWatches = (seen: () => void) => Promise<() => void>

async function measure(
  contender: Contender,
  { signal, pid }: { signal: AbortSignal; pid?: number },
  open: OpenWatches,
  write: (event: number) => Promise<void>,
): Promise<FanOutFigures> {
  const resident = () => (pid === undefined ? Promise.resolve(0) : residentMegabytes(pid))
  const before = await resident()
  let began = 0
  let arrived = 0
  const times: number[] = []
  let all: () => void = () => {}
  const close = await open(() => {
    times.push(performance.now() - began)
    if (++arrived === WATCHERS) all()
  })
  try {
    await settle(signal)
    const opened = await resident()
    let processorBefore = 0
    for (let event = 0; event < WARM_UP + EVENTS; event++) {
      if (event === WARM_UP) {
        times.length = 0
        processorBefore = pid === undefined ? 0 : await processorSeconds(pid)
      }
      arrived = 0
      const everybody = new Promise<void>(resolve => {
        all = resolve
      })
      began = performance.now()
      await write(event)
      await poll('every watcher', () => Promise.race([everybody.then(() => true), immediately()]), {
        signal,
        timeoutMs: 20_000,
        everyMs: 1,
      })
    }
    const measured = { contender, p50Ms: percentile(times, 50), p99Ms: percentile(times, 99), maxMs: percentile(times, 100) }
    if (pid === undefined) return measured
    const processorMs = (((await processorSeconds(pid)) - processorBefore) * 1000) / EVENTS
    return { ...measured, processorMs, memory: { before, opened, after: await resident() } }
  } finally {
    close()
  }
}

const immediately = (): Promise<boolean> => new Promise(resolve => setImmediate(resolve, false))

/** Opens the watches over HTTP/2, some on each connection. Every event is one line. */
async function watchOver(target: Target, path: string, seen: () => void): Promise<() => void> {
  const sessions: ClientHttp2Session[] = []
  const close = () => {
    for (const session of sessions) session.destroy()
  }
  try {
    for (let connection = 0; connection < WATCHERS / PER_CONNECTION; connection++) {
      const session = await connectTo(target)
      sessions.push(session)
      await Promise.all(Array.from({ length: PER_CONNECTION }, () => openWatch(session, path, seen)))
    }
  } catch (error) {
    close()
    throw error
  }
  return close
}

async function openWatch(session: ClientHttp2Session, path: string, seen: () => void): Promise<void> {
  const stream = session.request({ ':path': path, accept: 'application/json' })
  stream.on('error', () => {})
  const [{ ':status': status }] = (await once(stream, 'response')) as [{ ':status': number }]
  if (status !== 200) throw new Error(`Wanted 200 of ${path}, got ${status}`)
  stream.on('data', (chunk: Buffer) => {
    if (chunk[chunk.length - 1] === NEW_LINE) seen()
  })
}

const NEW_LINE = 0x0a

async function connectTo({ port, certificateAuthority: ca, identity }: Target): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, { ca, key: identity, cert: identity, settings: { initialWindowSize: 1 << 20 } })
  session.on('error', () => {})
  await once(session, 'connect')
  session.setLocalWindowSize(8 << 20)
  return session
}

const posting = new WeakMap<Target, Promise<ClientHttp2Session>>()

async function post(target: Target, path: string): Promise<void> {
  const connecting = posting.get(target) ?? connectTo(target)
  posting.set(target, connecting)
  const stream = (await connecting).request({ ':method': 'POST', ':path': path })
  stream.end()
  stream.resume()
  await once(stream, 'end')
}

export function fanOutRows(figures: readonly FanOutFigures[]): Row[] {
  const of = (contender: Contender, unit: 'p50Ms' | 'p99Ms' | 'maxMs' | 'processorMs') =>
    percentile(
      figures.filter(figure => figure.contender === contender).map(figure => figure[unit] ?? Number.NaN),
      50,
    )
  const name = `one event to ${WATCHERS.toLocaleString('en-US')} watchers`
  const rows: Row[] = []
  for (const [unit, label] of [
    ['p50Ms', 'p50'],
    ['p99Ms', 'p99'],
    ['processorMs', 'processor time'],
  ] as const) {
    for (const limit of unit === 'processorMs' ? (['fastify'] as const) : (['fastify', 'etcd'] as const)) {
      const [own, its] = [of('davit', unit), of(limit, unit)]
      const budget = unit === 'p99Ms' && limit === 'fastify' ? [`<= ${BUDGET_MS} ms`, verdict(own <= BUDGET_MS)] : []
      rows.push([`${name}, ${label}`, milliseconds(own), `${limit} ${milliseconds(its)}`, ratio(own / its), ...budget])
    }
  }
  const held = (contender: Contender, moment: 'before' | 'opened' | 'after') =>
    percentile(
      figures.filter(figure => figure.contender === contender).map(({ memory }) => memory?.[moment] ?? Number.NaN),
      50,
    )
  const grown = (contender: Contender) => held(contender, 'after') - held(contender, 'before')
  rows.push([
    `memory of ${WATCHERS.toLocaleString('en-US')} watchers`,
    `${megabytes(held('davit', 'before'))} + ${megabytes(grown('davit'))}`,
    `fastify ${megabytes(held('fastify', 'before'))} + ${megabytes(grown('fastify'))}`,
    ratio(grown('davit') / grown('fastify')),
  ])
  return rows
}
