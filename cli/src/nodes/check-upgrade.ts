/** Whether a node's agent can be upgraded, asked before anything is touched. */
import type { SshHost } from '../ssh/index.ts'
import type { AgentFiles } from './agent-file.ts'
import { AGENT } from './upgrade-node.ts'

export interface AgentFacts {
  /** As uname has it: `x86_64`. */
  readonly machine: string
  readonly isInstalled: boolean
  readonly isContainer: boolean
  /** Version of the agent from before the last upgrade; empty when none is kept. */
  readonly previous: string
  readonly previousKb: number
  /** Free where the agent is. */
  readonly freeKb: number
}

export interface UpgradeCheck {
  readonly host: SshHost
  /** Undefined: back to the agent from before the last upgrade. */
  readonly agents: AgentFiles | undefined
  readonly version: string
}

/** Prints a line `key value` each; nothing is changed. */
const SCRIPT = `agent=${AGENT}
echo "machine $(uname -m)"
[ ! -x $agent ] || echo "installed yes"
[ -z "$(docker ps -q --filter name='^davit-node-agent$' 2>/dev/null)" ] || echo "container yes"
[ ! -x $agent.previous ] || { echo "previous $($agent.previous --version | tail -n 1)"; echo "previousKb $(du -k $agent.previous | cut -f 1)"; }
echo "freeKb $(df -Pk "$(dirname $agent)" | awk 'NR==2 {print $4}')"
`

/** Throws with what is in the way and what to do. */
export async function checkUpgrade({ host, agents, version }: UpgradeCheck): Promise<void> {
  const facts = parseAgentFacts(await host.demand('look at the agent', SCRIPT, { sudo: true }))
  const problem = agentProblem(facts, { version, isRollback: agents === undefined }) ?? (await fileProblem(facts, agents, version))
  if (problem) throw new Error(problem)
}

export function parseAgentFacts(output: string): AgentFacts {
  const said = new Map(output.split('\n').map(line => [line.split(' ', 1)[0], line.slice(line.indexOf(' ') + 1).trim()]))
  const text = (key: string) => said.get(key) ?? ''
  return {
    machine: text('machine'),
    isInstalled: said.has('installed'),
    isContainer: said.has('container'),
    previous: text('previous').split(' ').at(-1) ?? '',
    previousKb: Number(text('previousKb')),
    freeKb: Number(text('freeKb')),
  }
}

/** What of the machine is in the way; undefined when nothing is. Pure. */
export function agentProblem(facts: AgentFacts, { version, isRollback }: { version: string; isRollback: boolean }): string | undefined {
  // An agent may not be newer than its control plane.
  const first = isRollback ? '' : 'upgrade the control planes alone with --skip-nodes, then '
  if (facts.isContainer) return `Its agent is a container: ${first}start that anew from the image of ${version}, and run this again`
  if (!facts.isInstalled) return `There is no ${AGENT} on its machine: add it again with "davit node add"`
  if (!isRollback) return undefined
  if (facts.previous !== version)
    return `The agent kept from before is ${facts.previous || 'none'}, wanted ${version}: take it back first with "davit node upgrade NODE --agent FILE"`
  return roomProblem(facts, facts.previousKb)
}

async function fileProblem(facts: AgentFacts, agents: AgentFiles | undefined, version: string): Promise<string | undefined> {
  if (!agents) return undefined
  const { sizeBytes } = await agents.of(facts.machine)
  const found = await agents.versionOf(facts.machine)
  if (found !== undefined && found !== version) return `The agent given is ${found}, wanted ${version}: name its file with --agent`
  return roomProblem(facts, Math.ceil(sizeBytes / 1024))
}

function roomProblem({ freeKb }: AgentFacts, wantedKb: number): string | undefined {
  const megabytes = (kb: number) => `${Math.ceil(kb / 1024)} MB`
  return freeKb < wantedKb ? `There are ${megabytes(freeKb)} free beside ${AGENT}, wanted ${megabytes(wantedKb)}: make room` : undefined
}
