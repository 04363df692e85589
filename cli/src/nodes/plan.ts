/** What is to be done on a machine so that it becomes the node that is wanted. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { mustJoinAgain } from '@davit/api'
import { parse } from 'yaml'
import type { HostFacts } from './facts.ts'
import { PROGRAMS, packagesOf } from './packages.ts'

/** What a node is to be, beyond what its machine says. */
export interface NodeSettings {
  readonly nodeName: string
  readonly servers: readonly string[]
  readonly caHash: string
  readonly nodeIp?: string | undefined
  readonly labels: readonly string[]
  readonly taints: readonly string[]
  /** Flags of the agent as they are, such as `cpu`. */
  readonly flags: Readonly<Record<string, string>>
}

export type Step =
  | {
      readonly kind: 'install-programs'
      readonly packageManager: string
      readonly programs: readonly string[]
      readonly isRequired: boolean
    }
  | { readonly kind: 'install-docker'; readonly packageManager: string; readonly keepDaemonJson: boolean }
  | { readonly kind: 'upload-agent' }
  | { readonly kind: 'install-agent'; readonly needsToken: boolean; readonly why: string }

/** Settings as the agent's `install` reads them. */
export function agentConfig({ nodeName, servers, caHash, nodeIp, labels, taints, flags }: NodeSettings): Record<string, unknown> {
  return {
    ...flags,
    server: [...servers],
    'ca-hash': caHash,
    'node-name': nodeName,
    ...(nodeIp && { 'node-ip': nodeIp }),
    ...(labels.length > 0 && { label: [...labels] }),
    ...(taints.length > 0 && { taint: [...taints] }),
  }
}

/** Nothing once the machine is as wanted. `installs`: programs that are missing, too. */
export function planHost(
  facts: HostFacts,
  { settings, sha256, installs }: { settings: NodeSettings; sha256: string; installs: boolean },
): Step[] {
  const steps: Step[] = []
  const { packageManager, missingPrograms: programs, identity } = facts
  if (installs && packageManager && programs.length > 0)
    steps.push({ kind: 'install-programs', packageManager, programs, isRequired: programs.some(name => !PROGRAMS[name]?.loses) })
  if (facts.dockerVersion === '') steps.push({ kind: 'install-docker', packageManager, keepDaemonJson: facts.hasDaemonJson })
  const isNewAgent = facts.agentSha256 !== sha256
  if (isNewAgent) steps.push({ kind: 'upload-agent' })
  // By the machine's own clock, as its agent will.
  const isLost = identity !== undefined && mustJoinAgain(identity, { now: facts.clock * 1000, caHash: settings.caHash })
  const why = !identity
    ? 'it has not joined yet'
    : isLost
      ? 'its certificate has ended, or is of a CA the cluster had before'
      : isNewAgent
        ? 'the agent is another'
        : !isSameConfig(facts.config, settings)
          ? 'its settings are others'
          : !facts.isAgentRunning
            ? 'it does not run'
            : undefined
  if (why) steps.push({ kind: 'install-agent', needsToken: !identity || isLost, why })
  return steps
}

/** For `--dry-run`. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'install-programs':
      return `install ${packagesOf(step.programs, step.packageManager).join(', ')} with ${step.packageManager}`
    case 'install-docker':
      return `install Docker with ${step.packageManager}${step.keepDaemonJson ? ', leaving /etc/docker/daemon.json as it is' : ', with live-restore in /etc/docker/daemon.json'}`
    case 'upload-agent':
      return 'upload the agent to /usr/local/bin/davit-node-agent'
    case 'install-agent':
      return `write /etc/davit/node-agent.yaml and the service, and start the agent: ${step.why}${step.needsToken ? '; it joins with a token of its own' : ''}`
  }
}

/** The agent adds where its data is; comments do not count. */
function isSameConfig(text: string, settings: NodeSettings): boolean {
  try {
    const { 'data-dir': _, ...present } = parse(text) as Record<string, unknown>
    return isDeepStrictEqual(present, agentConfig(settings))
  } catch {
    return false
  }
}
