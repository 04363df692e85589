/** As many pods as a node takes, on one host: how long they take to start and to stop, and what their agent costs while nothing happens. */
import { countRunning } from './containers.ts'
import { withDavit } from './davit.ts'
import { measureDavit, type Usage } from './davit-usage.ts'
import { withLab } from './lab.ts'
import type { BenchOptions } from './options.ts'
import { progress, type Report, seconds, verdict } from './report.ts'
import { median } from './statistics.ts'
import { settle } from './wait.ts'

const FEW = 3
const IDLE_MS = { few: 10_000, many: 60_000 }
const BUDGET = { fewMb: 80, manyMb: 120, processorPercent: 2 }

interface Measured {
  started: number[]
  stopped: number[]
  few: Usage[][]
  many: Usage[][]
}

/** Measures and reports; needs root. */
export async function benchDensity({ runs, replicas, signal }: BenchOptions): Promise<Report> {
  const measured: Measured = { started: [], stopped: [], few: [], many: [] }
  await withLab(1, async lab => {
    for (let run = 1; run <= runs; run++) {
      await withDavit(lab, signal, async davit => {
        const idle = async (overMs: number) => {
          // What starting left to do (events, reports of state) belongs to the start.
          for (let times = 0; times < 4; times++) await settle(signal)
          progress(`Run ${run} of ${runs}: measuring at rest for ${overMs / 1000} s`)
          return measureDavit(lab, overMs, signal)
        }
        await davit.startDeployment(FEW)
        measured.few.push(await idle(IDLE_MS.few))
        await davit.removeDeployment()
        const started = await davit.startDeployment(replicas)
        measured.started.push(started)
        const running = await countRunning(lab.hosts)
        if (running !== replicas) throw new Error(`Reported ${replicas} Running, but ${running} containers run`)
        progress(`Run ${run} of ${runs}: ${replicas} pods Running after ${seconds(started)}`)
        measured.many.push(await idle(IDLE_MS.many))
        const began = performance.now()
        await davit.removeDeployment()
        measured.stopped.push((performance.now() - began) / 1000)
        const left = await countRunning(lab.hosts)
        if (left > 0) throw new Error(`All pods are gone, but ${left} containers run`)
      })
      await settle(signal)
    }
  })
  return report(replicas, measured)
}

function report(replicas: number, { started, stopped, few, many }: Measured): Report {
  const megabytes = (usages: readonly Usage[][]) => median(usages.map(usage => sumOf(usage, 'residentMb')))
  const percent = (usages: readonly Usage[][]) => median(usages.map(usage => sumOf(usage, 'processorPercent')))
  const row = (name: string, value: number, { unit, budget, digits = 0 }: { unit: string; budget: string; digits?: number }) => {
    const limit = Number(/[\d.]+/.exec(budget)?.[0])
    return [name, `${value.toFixed(digits)} ${unit}`, budget, verdict(value <= limit)]
  }
  return {
    bench: 'density',
    title: `${replicas} pods on one host, median of ${started.length}`,
    header: ['', 'measured', 'budget', ''],
    rows: [
      ['all Running', seconds(median(started))],
      ['all gone', seconds(median(stopped))],
      row(`agent + data plane, ${FEW} pods`, megabytes(few), { unit: 'MB', budget: `<= ${BUDGET.fewMb} MB` }),
      row(`agent + data plane, ${replicas} pods`, megabytes(many), { unit: 'MB', budget: `<= ${BUDGET.manyMb} MB` }),
      row(`at rest, ${replicas} pods`, percent(many), { unit: '%', budget: `< ${BUDGET.processorPercent} %`, digits: 2 }),
    ],
    notes: [
      `Resident memory, and processor time of one core over ${IDLE_MS.many / 1000} s in which nothing is asked, of the agent and its data plane; what they share counts once.`,
    ],
    figures: { replicas, started, stopped, few, many },
  }
}

/** Of the host's agent and its data plane. */
function sumOf(usage: readonly Usage[], figure: 'residentMb' | 'processorPercent'): number {
  return usage.filter(({ name }) => name.startsWith('agent ')).reduce((sum, entry) => sum + entry[figure], 0)
}
