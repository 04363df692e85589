/**
 * How long 60 replicas take from the request to all Running, beside raw Docker, which is the physical limit, and Docker Swarm.
 * All three use the same hosts and the same image, one after the other in every run, so that what else the machine does hits all.
 */
import { countRunning, waitUntilEmpty } from './containers.ts'
import { withDavit } from './davit.ts'
import { measureDavit, type Usage } from './davit-usage.ts'
import { type Lab, withLab } from './lab.ts'
import type { BenchOptions } from './options.ts'
import { runRaw } from './raw.ts'
import { progress, type Report, ratio, seconds, verdict } from './report.ts'
import { median, percentile } from './statistics.ts'
import { withSwarm } from './swarm.ts'
import { settle } from './wait.ts'

const HOSTS = 3
/** More in flight only lengthens each start on two cores. */
const RAW_IN_FLIGHT = 3
/** Started and removed first by each contender, so that none is measured cold. */
const WARM_UP = 3
const SINGLE_PODS = 30
const IDLE_MS = 10_000
const BUDGET = { ratioToRaw: 1.15, ratioToSwarm: 1, podP50: 0.6, podP99: 1.5, controlPlaneMb: 150, agentMb: 120, processorPercent: 1 }

interface Measured {
  raw: number[]
  swarm: number[]
  davit: number[]
  singlePods: number[]
  usage: Usage[]
}

/** Measures and reports; needs root. */
export async function benchPods(options: BenchOptions): Promise<Report> {
  const measured: Measured = { raw: [], swarm: [], davit: [], singlePods: [], usage: [] }
  await withLab(HOSTS, async lab => {
    for (let run = 1; run <= options.runs; run++) await runOnce({ ...options, lab, run }, measured)
  })
  return report(options, measured)
}

interface Turn extends BenchOptions {
  lab: Lab
  run: number
}

async function runOnce({ lab, run, runs, replicas, only, signal }: Turn, measured: Measured): Promise<void> {
  const { hosts } = lab
  const say = (who: string, took: number) => progress(`Run ${run} of ${runs}: ${who} ${seconds(took)}`)
  if (only.includes('raw')) {
    await runRaw(hosts, { replicas: WARM_UP, inFlight: RAW_IN_FLIGHT, signal })
    await settle(signal)
    const took = await runRaw(hosts, { replicas, inFlight: RAW_IN_FLIGHT, signal })
    measured.raw.push(took)
    say('raw Docker', took)
    await settle(signal)
  }
  if (only.includes('swarm')) {
    await withSwarm(hosts, signal, async swarm => {
      for (const count of [WARM_UP, replicas]) {
        await settle(signal)
        const took = await swarm.startService(count)
        if (count === replicas) {
          measured.swarm.push(took)
          say('Swarm', took)
          await assertRunning(lab, replicas)
        }
        await swarm.removeService()
        await waitUntilEmpty(hosts, signal)
      }
    })
    await settle(signal)
  }
  if (only.includes('davit')) {
    await withDavit(lab, signal, async davit => {
      await davit.startDeployment(WARM_UP)
      await davit.removeDeployment()
      await settle(signal)
      const took = await davit.startDeployment(replicas)
      measured.davit.push(took)
      say('Davit', took)
      await assertRunning(lab, replicas)
      if (run === runs) measured.usage = await measureIdle(lab, signal)
      await davit.removeDeployment()
      if (run < runs) return
      await settle(signal)
      progress(`Starting ${SINGLE_PODS} pods one by one`)
      for (let index = 1; index <= SINGLE_PODS; index++) measured.singlePods.push(await davit.runPod(`bench-${index}`))
    })
    await settle(signal)
  }
}

async function measureIdle(lab: Lab, signal: AbortSignal): Promise<Usage[]> {
  progress(`Measuring memory and processor time at rest for ${IDLE_MS / 1000} s`)
  // What starting left to do (events, reports of state) belongs to the start.
  // What starting left to do (events, reports of state) belongs to the start.
  for (let times = 0; times < 6; times++) await settle(signal)
  return measureDavit(lab, IDLE_MS, signal)
}

/** Running has to mean that the containers run. */
async function assertRunning({ hosts }: Lab, replicas: number): Promise<void> {
  const running = await countRunning(hosts)
  if (running !== replicas) throw new Error(`Reported ${replicas} Running, but ${running} containers run`)
}

function report({ runs, replicas }: BenchOptions, { raw, swarm, davit, singlePods, usage }: Measured): Report {
  const [rawTook, swarmTook, davitTook] = [median(raw), median(swarm), median(davit)]
  const toRaw = davitTook / rawTook
  const toSwarm = davitTook / swarmTook
  const rows: string[][] = []
  if (raw.length > 0) rows.push(['raw Docker', seconds(rawTook)])
  if (swarm.length > 0) rows.push(['Docker Swarm', seconds(swarmTook)])
  if (raw.length > 0 && swarm.length > 0) rows.push(['Swarm to raw', '', ratio(swarmTook / rawTook)])
  if (davit.length > 0) {
    rows.push(['Davit', seconds(davitTook)])
    if (raw.length > 0) rows.push(['Davit to raw', '', ratio(toRaw), `<= ${BUDGET.ratioToRaw}`, verdict(toRaw <= BUDGET.ratioToRaw)])
    if (swarm.length > 0)
      rows.push(['Davit to Swarm', '', ratio(toSwarm), `< ${BUDGET.ratioToSwarm}`, verdict(toSwarm < BUDGET.ratioToSwarm)])
    const [p50, p99] = [percentile(singlePods, 50), percentile(singlePods, 99)]
    rows.push(['one pod, p50', seconds(p50), '', `<= ${BUDGET.podP50} s`, verdict(p50 <= BUDGET.podP50)])
    rows.push(['one pod, p99', seconds(p99), '', `<= ${BUDGET.podP99} s`, verdict(p99 <= BUDGET.podP99)])
    rows.push(...usageRows(usage))
  }
  return {
    bench: 'pods',
    title: `${replicas} replicas to Running on ${HOSTS} hosts, median of ${runs}`,
    header: ['', 'measured', 'ratio', 'budget', ''],
    rows,
    notes:
      usage.length > 0
        ? [
            `Resident memory, and processor time of one core, with ${replicas} pods running and nothing asked for 10 s; what an agent and its data plane share counts once.`,
          ]
        : [],
    figures: { replicas, hosts: HOSTS, raw, swarm, davit, ratioToRaw: toRaw, ratioToSwarm: toSwarm, singlePods, usage },
  }
}

function usageRows(usage: readonly Usage[]): string[][] {
  return usage.flatMap(({ name, residentMb, processorPercent: percent }) => {
    const budgetMb = name.startsWith('agent ') ? BUDGET.agentMb : name === 'control plane' ? BUDGET.controlPlaneMb : undefined
    const memory = [name, `${residentMb.toFixed(0)} MB`, '', ...(budgetMb ? [`<= ${budgetMb} MB`, verdict(residentMb <= budgetMb)] : [])]
    const met = budgetMb ? [`< ${BUDGET.processorPercent} %`, verdict(percent < BUDGET.processorPercent)] : []
    return [memory, [`${name}, at rest`, `${percent.toFixed(1)} %`, '', ...met]]
  })
}
