/**
 * What the API server adds to its limits: reads, lists and watches beside bare fastify that sends the same bytes over the same TLS, writes
 * beside the same transactions on a bare etcd.
 */
import { podKind } from '@davit/api'
import { withLab } from '../lab.ts'
import type { BenchOptions } from '../options.ts'
import { progress, type Report } from '../report.ts'
import { residentMegabytes } from '../usage.ts'
import { settle } from '../wait.ts'
import { withContenders } from './contenders.ts'
import { examplePod } from './example-pod.ts'
import { type FanOutFigures, fanOutRows, measureFanOut } from './fan-out.ts'
import { type GetFigures, getRows, measureReads } from './gets.ts'
import { type ListFigures, listRows, measureLists } from './lists.ts'
import { HEADER, megabytes, type Row } from './rows.ts'
import { type CreationRates, measureCreations, measureWrites, type WriteFigures, writeRows } from './writes.ts'

const POD = 'read'
const PODS = 10_000
/** They are made in this many parts, by turns with the bare etcd. */
const PARTS = 5

interface Measured {
  readonly gets: GetFigures[]
  readonly creations: CreationRates[]
  readonly writes: WriteFigures[]
  readonly lists: ListFigures[]
  readonly fanOuts: FanOutFigures[]
  /** Of the control plane: megabytes, in order. */
  readonly memory: { readonly when: string; readonly resident: number }[]
}

/** Measures and reports. */
export async function benchApi({ runs, signal }: BenchOptions): Promise<Report> {
  const measured: Measured = { gets: [], creations: [], writes: [], lists: [], fanOuts: [], memory: [] }
  await withLab(0, async ({ home }) => {
    progress('Starting the control plane')
    await withContenders(home, signal, async contenders => {
      const note = async (when: string) => {
        await settle(signal)
        measured.memory.push({ when, resident: await residentMegabytes(contenders.davit.pid) })
      }
      await note('at the start')
      await contenders.client.resource(podKind).create(examplePod(POD), { signal })
      for (let run = 1; run <= runs; run++) measured.gets.push(...(await measureReads(contenders, POD, { run, signal })))
      await note('after the GETs')
      for (let run = 1; run <= runs; run++) measured.writes.push(...(await measureWrites(contenders, { run, signal })))
      await note('after the writes')
      for (let run = 1; run <= runs; run++) measured.fanOuts.push(...(await measureFanOut(contenders, { run, signal })))
      await note('after the watches')
      for (let part = 0; part < PARTS; part++) {
        const count = PODS / PARTS
        measured.creations.push(await measureCreations(contenders, { first: part * count, count, signal }))
        progress(`${(part + 1) * count} of ${PODS} pods created`)
      }
      await note(`with ${PODS} pods`)
      for (let run = 1; run <= runs; run++) measured.lists.push(...(await measureLists(contenders, { run, signal })))
      await note('after the lists')
    })
  })
  return report(runs, measured)
}

function report(runs: number, { gets, creations, writes, lists, fanOuts, memory }: Measured): Report {
  const memoryRows: Row[] = memory.map(({ when, resident }) => [`memory ${when}`, megabytes(resident)])
  return {
    bench: 'api',
    title: `The API server beside its limits, median of ${runs}`,
    header: HEADER,
    rows: [...getRows(gets), ...writeRows(creations, writes), ...fanOutRows(fanOuts), ...listRows(lists), ...memoryRows],
    notes: [
      'GETs are compared by what a core of the server process answers, as client and server share this machine; the rest by the clock.',
    ],
    figures: { gets, creations, writes, fanOuts, lists, memory },
  }
}
