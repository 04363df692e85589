/**
 * What the API server adds to its limits: GET of one pod beside bare fastify that sends the same bytes over the same TLS, and
 * creations beside the same transactions on a bare etcd.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Client, type ConfigMap, configMapKind, type Pod, podKind } from '@davit/api'
import { connectHome, type Home, runningPid, startControlPlane, stopControlPlane } from '@davit/deploy'
import { type GetRate, measureGets, type Protocol, type Target } from './get-load.ts'
import { withLab } from './lab.ts'
import type { BenchOptions } from './options.ts'
import { benchPort } from './ports.ts'
import { createKey, withEtcd } from './raw-etcd.ts'
import { progress, type Report, ratio, verdict } from './report.ts'
import { median } from './statistics.ts'

const BARE_SERVER = fileURLToPath(new URL('./bare-server.js', import.meta.url))
const POD_PATH = '/api/v1/namespaces/default/pods/bench'
const CREATIONS = 2_000
const IN_FLIGHT = 64
/** Of the value that is stored; a usual Pod's. */
const VALUE_BYTES = 1_500
const BUDGET = 0.7

/** `fresh` is as kubectl asks, `cached` takes what the replica has at once. */
type Contender = 'bare' | 'fresh' | 'cached'
const CONTENDERS: readonly Contender[] = ['bare', 'fresh', 'cached']
const PROTOCOLS: readonly Protocol[] = ['HTTP/1.1', 'HTTP/2']

interface Measured {
  gets: { protocol: Protocol; contender: Contender; rate: GetRate }[]
  creations: { etcd: number[]; davit: number[] }
}

/** Measures and reports. */
export async function benchApiServer({ runs, signal }: BenchOptions): Promise<Report> {
  const measured: Measured = { gets: [], creations: { etcd: [], davit: [] } }
  await withLab(0, async ({ home }) => {
    const port = await benchPort()
    progress('Starting the control plane')
    await startControlPlane({ home, port, address: '127.0.0.1' })
    const client = await connectHome(home)
    try {
      // No scheduler answers to that name, so the pod stays as it is.
      await client.resource(podKind).create(pod(), { signal })
      const answer = await client.raw({ method: 'GET', path: POD_PATH, signal })
      await writeFile(join(home.dir, 'pod.json'), await text(answer.body))
      await withBareServer(home, async bare => {
        const davit = await targetOf(home, { port, pid: await controlPlanePid(home), path: POD_PATH })
        const targets = { bare, fresh: davit, cached: { ...davit, path: `${POD_PATH}?resourceVersion=0` } }
        for (let run = 1; run <= runs; run++) await measureReads(targets, { run, runs, signal }, measured)
      })
      await withEtcd(home.dir, signal, async etcd => {
        for (let run = 1; run <= runs; run++) {
          const value = 'x'.repeat(VALUE_BYTES)
          measured.creations.etcd.push(await perSecond(signal, index => createKey(etcd, `/bench/${run}-${index}`, value)))
          measured.creations.davit.push(await perSecond(signal, index => createConfigMap(client, `bench-${run}-${index}`)))
          progress(`Run ${run} of ${runs}: creations measured`)
        }
      })
    } finally {
      client.close()
      await stopControlPlane(home)
    }
  })
  return report(runs, measured)
}

async function measureReads(
  targets: Readonly<Record<Contender, Target>>,
  { run, runs, signal }: { run: number; runs: number; signal: AbortSignal },
  { gets }: Measured,
): Promise<void> {
  for (const protocol of PROTOCOLS) {
    for (const contender of CONTENDERS) gets.push({ protocol, contender, rate: await measureGets(targets[contender], protocol, signal) })
    progress(`Run ${run} of ${runs}: GET over ${protocol} measured`)
  }
}

/** Creations a second with `IN_FLIGHT` of them at once. */
async function perSecond(signal: AbortSignal, create: (index: number) => Promise<void>): Promise<number> {
  const began = performance.now()
  let next = 0
  const worker = async () => {
    while (next < CREATIONS) {
      signal.throwIfAborted()
      await create(next++)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return CREATIONS / ((performance.now() - began) / 1000)
}

async function createConfigMap(client: Client, name: string): Promise<void> {
  const object: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    // With its metadata it is about as long as the plain value.
    data: { value: 'x'.repeat(VALUE_BYTES - 250) },
  }
  await client.resource(configMapKind).create(object)
}

async function withBareServer(home: Home, work: (target: Target) => Promise<void>): Promise<void> {
  const child = fork(BARE_SERVER, [join(home.dir, 'pki'), join(home.dir, 'pod.json')])
  try {
    const ended = once(child, 'exit').then(() => {
      throw new Error('Cannot start the bare server: it exited')
    })
    ended.catch(() => {})
    const [{ port }] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }]
    await work(await targetOf(home, { port, pid: child.pid as number, path: POD_PATH }))
  } finally {
    child.kill('SIGKILL')
  }
}

async function targetOf(home: Home, target: Pick<Target, 'port' | 'pid' | 'path'>): Promise<Target> {
  const at = (file: string) => join(home.dir, 'pki', file)
  return { ...target, certificateAuthority: await readFile(at('ca.pem')), identity: await readFile(at('admin.pem')) }
}

async function controlPlanePid(home: Home): Promise<number> {
  const pid = await runningPid(join(home.run, 'control-plane.pid'))
  if (pid === undefined) throw new Error('Cannot measure the control plane: it does not run')
  return pid
}

function pod(): Pod {
  const container = {
    name: 'web',
    image: 'nginx:1.25',
    ports: [{ containerPort: 80 }],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
    readinessProbe: { httpGet: { path: '/', port: 80 } },
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'bench', namespace: 'default', labels: { app: 'bench' } },
    spec: { schedulerName: 'nobody', containers: [container] },
  }
}

function report(runs: number, { gets, creations }: Measured): Report {
  const rateOf = (protocol: Protocol, contender: Contender, unit: keyof GetRate) =>
    median(gets.filter(get => get.protocol === protocol && get.contender === contender).map(({ rate }) => rate[unit]))
  const rows = PROTOCOLS.flatMap(protocol =>
    CONTENDERS.map(contender => {
      const [wall, processor] = [rateOf(protocol, contender, 'perSecond'), rateOf(protocol, contender, 'perProcessorSecond')]
      const row = [`GET ${protocol}, ${NAMES[contender]}`, perSecondText(wall), perSecondText(processor)]
      if (contender === 'bare') return row
      const compared = processor / rateOf(protocol, 'bare', 'perProcessorSecond')
      return [...row, ratio(compared), `>= ${BUDGET}`, verdict(compared >= BUDGET)]
    }),
  )
  const [etcd, davit] = [median(creations.etcd), median(creations.davit)]
  rows.push(['create, bare etcd', perSecondText(etcd)], ['create, Davit', perSecondText(davit), '', ratio(davit / etcd)])
  return {
    bench: 'apiserver',
    title: `GET of one pod beside bare fastify, creations beside bare etcd, median of ${runs}`,
    header: ['', 'measured', 'a core of the server', 'ratio', 'budget', ''],
    rows,
    notes: ['GETs are compared by what a core of the server process answers, as client and server share this machine.'],
    figures: { gets, creations, creationsInFlight: IN_FLIGHT },
  }
}

const NAMES: Readonly<Record<Contender, string>> = { bare: 'bare fastify', fresh: 'Davit', cached: 'Davit resourceVersion=0' }
const perSecondText = (value: number): string => `${Math.round(value).toLocaleString('en-US')}/s`
