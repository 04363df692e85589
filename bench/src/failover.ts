/**
 * A power cut of one host of three: how long until its node counts as lost, until nothing is sent to its pods any more, and until
 * replacements run. Time counts from before the cut; Swarm has no endpoints to look at without its mesh.
 */
import { type EndpointSlice, type Node, nodeCondition, type Pod } from '@davit/api'
import { crashHost, type DockerHost, relinkHost, startDocker } from '@davit/deploy'
import { waitUntilEmpty } from './containers.ts'
import { type Davit, isRunning, withDavit } from './davit.ts'
import { DOCKERD_ARGS, type Lab, NETWORK, withLab } from './lab.ts'
import type { BenchOptions } from './options.ts'
import { progress, type Report, ratio, seconds, verdict } from './report.ts'
import { median } from './statistics.ts'
import { withSwarm } from './swarm.ts'
import { settle } from './wait.ts'

const HOSTS = 3
const TIMEOUT_MS = 120_000
const BUDGET = { endpointsGone: 3, replaced: 10 }

/** Seconds from the crash. */
interface Failover {
  notReady: number
  endpointsGone?: number
  replaced: number
}

interface Turn extends BenchOptions {
  lab: Lab
  victim: DockerHost
}

/** Measures and reports; needs root. */
export async function benchFailover(options: BenchOptions): Promise<Report> {
  const { only, runs } = options
  const swarm: Failover[] = []
  const davit: Failover[] = []
  await withLab(HOSTS, async lab => {
    // Not the first: that is Swarm's only manager.
    const turn: Turn = { ...options, lab, victim: lab.hosts.at(-1) as DockerHost }
    for (let run = 1; run <= runs; run++) {
      const say = (who: string, { notReady, replaced }: Failover) =>
        progress(`Run ${run} of ${runs}: ${who} node lost ${seconds(notReady)}, replaced ${seconds(replaced)}`)
      if (only.includes('swarm')) swarm.push(await crashInSwarm(turn))
      if (only.includes('swarm')) say('Swarm', swarm.at(-1) as Failover)
      if (only.includes('davit')) davit.push(await crashInDavit(turn))
      if (only.includes('davit')) say('Davit', davit.at(-1) as Failover)
    }
  })
  return report(options, swarm, davit)
}

async function crashInSwarm({ lab, victim, replicas, signal }: Turn): Promise<Failover> {
  const { home, hosts } = lab
  return withSwarm(hosts, signal, async swarm => {
    await swarm.startService(replicas)
    await settle(signal)
    const since = stopwatch()
    const lost = swarm.nodeDown(victim)
    const replaced = swarm.replaced(victim, replicas)
    await Promise.all([crashHost(victim), lost, replaced])
    const result = { notReady: since(await lost), replaced: since(await replaced) }
    await relinkHost(victim, NETWORK)
    await startDocker(victim, { logs: home.logs, run: home.run, dockerdArgs: DOCKERD_ARGS })
    await swarm.nodeReady(victim)
    await swarm.removeService()
    await waitUntilEmpty(hosts, signal)
    return result
  })
}

async function crashInDavit({ lab, victim, replicas, signal }: Turn): Promise<Failover> {
  return withDavit(lab, signal, async davit => {
    await davit.startDeployment(replicas)
    const wasServing = davit.endpointSlices.until('the endpoints to be there', slices => readyOn(slices) >= replicas, TIMEOUT_MS)
    await wasServing
    await settle(signal)
    const lostPods = davit.pods.list().filter(pod => pod.spec.nodeName === victim.name).length
    if (lostPods === 0) throw new Error(`Cannot measure: no pod runs on ${victim.name}`)
    const result = await measureCrash(davit, victim, replicas)
    await davit.repair(victim)
    await davit.removeDeployment()
    return result
  })
}

async function measureCrash({ nodes, endpointSlices, pods }: Davit, victim: DockerHost, replicas: number): Promise<Failover> {
  const since = stopwatch()
  const isLost = (all: readonly Node[]) => all.some(node => node.metadata.name === victim.name && readyStatus(node) !== 'True')
  const isReplaced = (all: readonly Pod[]) => all.filter(pod => isRunning(pod) && pod.spec.nodeName !== victim.name).length >= replicas
  const [notReady, endpointsGone, replaced] = await Promise.all([
    nodes.until('the node to be NotReady', isLost, TIMEOUT_MS),
    endpointSlices.until('its endpoints to be gone', slices => readyOn(slices, victim.name) === 0, TIMEOUT_MS),
    pods.until('the replacements to be Running', isReplaced, TIMEOUT_MS),
    crashHost(victim),
  ])
  return { notReady: since(notReady), endpointsGone: since(endpointsGone), replaced: since(replaced) }
}

function readyStatus(node: Node): string | undefined {
  return nodeCondition(node, 'Ready')?.status
}

/** Ready endpoints, all or those on one node. */
function readyOn(slices: readonly EndpointSlice[], nodeName?: string): number {
  const endpoints = slices.flatMap(slice => slice.endpoints ?? [])
  return endpoints.filter(endpoint => endpoint.conditions?.ready !== false && (!nodeName || endpoint.nodeName === nodeName)).length
}

/** Turns a later moment into seconds from now. */
function stopwatch(): (moment: number) => number {
  const began = performance.now()
  return moment => (moment - began) / 1000
}

function report({ runs, replicas }: BenchOptions, swarm: readonly Failover[], davit: readonly Failover[]): Report {
  const row = (what: string, pick: (failover: Failover) => number | undefined, budget?: number): string[] => {
    const [ours, theirs] = [davit, swarm].map(list => median(list.flatMap(failover => pick(failover) ?? [])))
    const show = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? '-' : seconds(value))
    const compared = ours && theirs ? ratio(ours / theirs) : '-'
    const judged = budget !== undefined && davit.length > 0 ? [`<= ${budget} s`, verdict((ours ?? Number.NaN) <= budget)] : []
    return [what, show(ours), show(theirs), compared, ...judged]
  }
  return {
    bench: 'failover',
    title: `One of ${HOSTS} hosts crashes, ${replicas} replicas, median of ${runs}`,
    header: ['from the crash to', 'Davit', 'Swarm', 'ratio', 'budget', ''],
    rows: [
      row('node NotReady', ({ notReady }) => notReady),
      row('endpoints gone', ({ endpointsGone }) => endpointsGone, BUDGET.endpointsGone),
      row('replacements Running', ({ replaced }) => replaced, BUDGET.replaced),
    ],
    figures: { replicas, hosts: HOSTS, swarm, davit },
  }
}
