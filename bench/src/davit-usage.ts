/** What Davit's own processes hold and burn on the bench's machine. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { agentName, runningPid } from '@davit/deploy'
import type { Lab } from './lab.ts'
import { listProcesses, processorSeconds, residentMegabytes } from './usage.ts'

export interface Usage {
  name: string
  residentMb: number
  /** Of one core. */
  processorPercent: number
}

/** Measures the control plane, its etcd, and every agent with its data plane, over `overMs` in which nobody should ask anything of them. */
export async function measureDavit({ home, hosts }: Lab, overMs: number, signal: AbortSignal): Promise<Usage[]> {
  const groups = await processesOf({ home, hosts })
  const secondsOf = async (pids: readonly number[]) => sum(await Promise.all(pids.map(processorSeconds)))
  const before = await Promise.all(groups.map(({ pids }) => secondsOf(pids)))
  const began = performance.now()
  await delay(overMs, undefined, { signal })
  const elapsed = (performance.now() - began) / 1000
  return Promise.all(
    groups.map(async ({ name, pids }, index) => ({
      name,
      residentMb: await residentMegabytes(...pids),
      processorPercent: (((await secondsOf(pids)) - (before[index] ?? 0)) / elapsed) * 100,
    })),
  )
}

async function processesOf({ home, hosts }: Lab): Promise<{ name: string; pids: number[] }[]> {
  const all = await listProcesses()
  const pidOf = async (name: string) => {
    const pid = await runningPid(join(home.run, `${name}.pid`))
    if (pid === undefined) throw new Error(`Cannot measure ${name}: it does not run`)
    return pid
  }
  // The data plane outlives its agent, so it need not be its child; the agent's folder is in its flags.
  const naming = (folder: string, word: string) =>
    all.filter(({ args }) => args.some(arg => arg.includes(`${folder}/`)) && args.some(arg => arg.includes(word))).map(({ pid }) => pid)
  const groups = [
    { name: 'control plane', pids: [await pidOf('control-plane')] },
    {
      name: 'etcd',
      pids: all.filter(({ args }) => args[0]?.endsWith('etcd') && args.some(arg => arg.startsWith(home.dir))).map(({ pid }) => pid),
    },
  ]
  for (const { name } of hosts) {
    const dataPlane = naming(join(home.agents, name), 'data-plane')
    groups.push({ name: `agent ${name} + data plane`, pids: [await pidOf(agentName(name)), ...dataPlane] })
  }
  return groups
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
