/** From a machine with SSH to a Node that is Ready. */
import {
  type Clock,
  createJoinToken,
  type HttpClient,
  isDnsSubdomain,
  isReason,
  joinTokenSecretName,
  NAMESPACES,
  nodeKind,
  parseJoinToken,
  parseTaint,
  secretKind,
  type Taint,
} from '@davit/api'
import { stringify } from 'yaml'
import { formatTarget, type Prompter, SshError, type SshHost } from '../ssh/index.ts'
import { type AgentFiles, ARCHITECTURES } from './agent-file.ts'
import { lastWords } from './agent-log.ts'
import { JUMP_ANNOTATION, SSH_ANNOTATION } from './annotations.ts'
import type { ClusterFacts } from './cluster.ts'
import { factsScript, type HostFacts, parseFacts } from './facts.ts'
import type { HostSpec } from './inventory.ts'
import { dockerInstallScript, packagesOf, programsInstallScript } from './packages.ts'
import { agentConfig, describeStep, type NodeSettings, planHost, type Step } from './plan.ts'
import { preflight, type Wanted } from './preflight.ts'
import { leaseOf, untilReady, whyNotReady } from './ready.ts'

export interface AddOptions {
  readonly client: HttpClient
  readonly clock: Clock
  readonly cluster: ClusterFacts
  readonly caHash: string
  readonly agents: AgentFiles
  readonly prompter: Prompter
  readonly connect: (spec: HostSpec) => Promise<SshHost>
  /** Docker, and programs the agent needs, without asking. */
  readonly installDocker: boolean
  readonly skipPreflight: readonly string[]
  readonly dryRun: boolean
  readonly timeoutMs: number
  /** Names that hosts of this command took, so that two cannot take the same. */
  readonly taken: Map<string, string>
  readonly signal?: AbortSignal
}

/** Tells how far it is. */
export interface Report {
  step(text: string): void
  detail(text: string): void
  note(text: string): void
}

export interface Added {
  readonly nodeName: string
  readonly summary: string
  /** For `--dry-run`: what would be done. */
  readonly plan: readonly string[]
}

const TOKEN_MS = 10 * 60_000
const DOCKER_MS_MAX = 15 * 60_000
const INSTALL_MS_MAX = 120_000

/** Rejects with what failed and what to do; whatever was done until then stays and is found again by the next run. */
export async function addHost(spec: HostSpec, options: AddOptions, report: Report): Promise<Added> {
  report.step('connecting')
  const host = await options.connect(spec)
  try {
    report.step('looking at the machine')
    const { facts, clockAhead } = await askFacts(host, options.cluster.servers)
    const nodeName = claimName(spec, facts, options.taken)
    const wanted = await wantedOf(nodeName, clockAhead, facts, options)
    const findings = preflight(facts, wanted, options.skipPreflight)
    for (const { message, isFatal } of findings) if (!isFatal) report.note(`${spec.text}: ${message}`)
    const fatal = findings.filter(({ isFatal }) => isFatal)
    if (fatal.length > 0) throw new Error(fatal.map(({ message, check }) => `${message} [${check}]`).join('; '))

    const settings = settingsOf(spec, nodeName, options)
    const agent = await options.agents.of(facts.machine)
    const steps = planHost(facts, { settings, sha256: agent.sha256, installs: wanted.installs })
    const plan = steps.map(describeStep)
    if (options.dryRun)
      return {
        nodeName,
        plan,
        summary: plan.length === 0 ? `is node "${nodeName}" already; nothing to do` : `would become node "${nodeName}"`,
      }
    const afterLease = steps.length > 0 ? await leaseOf(options.client, nodeName) : undefined
    const { timeMs: saidBeforeMs } = await lastWords(host)
    for (const step of steps) await perform(step, { host, settings, options, report, agent })
    await becomeReady(nodeName, { host, options, report, afterLease, saidBeforeMs })
    await settleNode(nodeName, { host, spec, client: options.client })
    return { nodeName, plan, summary: steps.length === 0 ? `is node "${nodeName}" already` : `is node "${nodeName}"` }
  } finally {
    host.close()
  }
}

async function askFacts(host: SshHost, servers: readonly string[]): Promise<{ facts: HostFacts; clockAhead: number }> {
  // A question of its own, so that what takes long to find out does not count.
  await host.run('true', { sudo: true })
  const before = Date.now()
  const there = Number(await host.demand('read its clock', 'date +%s'))
  const here = (before + Date.now()) / 2 / 1000
  const facts = parseFacts(await host.demand('look at the machine', 'sh -s', { sudo: true, input: factsScript(servers) }))
  const clockAhead = there + 0.5 - here
  return { facts, clockAhead: Math.abs(clockAhead) < 1 ? 0 : clockAhead }
}

function claimName({ name, text }: HostSpec, facts: HostFacts, taken: Map<string, string>): string {
  const nodeName = name ?? facts.identity?.nodeName ?? facts.hostname
  const wrong = isDnsSubdomain(nodeName)
  if (wrong !== undefined) throw new Error(`"${nodeName}" cannot be a node's name (${wrong}): give it one with --name`)
  const other = taken.get(nodeName)
  if (other !== undefined && other !== text)
    throw new Error(`${other} is to be node "${nodeName}" too: give one of them another name, in an inventory or with --name`)
  taken.set(nodeName, text)
  return nodeName
}

async function wantedOf(nodeName: string, hostClockAhead: number, facts: HostFacts, options: AddOptions): Promise<Wanted> {
  const { cluster, prompter, client, dryRun } = options
  const node = await client
    .resource(nodeKind)
    .get({ name: nodeName })
    .catch((err: unknown) => {
      if (isReason(err, 'NotFound')) return undefined
      throw err
    })
  const { packageManager, missingPrograms } = facts
  const lacking = [...(facts.dockerVersion === '' ? ['Docker'] : []), ...packagesOf(missingPrograms, packageManager)]
  const asks = lacking.length > 0 && packageManager !== '' && !options.installDocker && !dryRun && prompter.isInteractive
  return {
    nodeName,
    architectures: Object.keys(ARCHITECTURES),
    servers: cluster.servers,
    clusterId: cluster.clusterId,
    podCidr: cluster.podCidr,
    serviceCidr: cluster.serviceCidr,
    apiClockAhead: cluster.clockAhead,
    hostClockAhead,
    isNameAlive: node !== undefined && whyNotReady(node) === undefined,
    installs:
      options.installDocker ||
      (asks && (await prompter.confirm(`${nodeName} lacks ${lacking.join(', ')}. Install that with ${packageManager}?`))),
  }
}

function settingsOf({ address, labels, taints, flags }: HostSpec, nodeName: string, { cluster, caHash }: AddOptions): NodeSettings {
  return { nodeName, servers: cluster.servers, caHash, nodeIp: address, labels, taints, flags }
}

interface Work {
  readonly host: SshHost
  readonly settings: NodeSettings
  readonly options: AddOptions
  readonly report: Report
  readonly agent: Awaited<ReturnType<AgentFiles['of']>>
}

async function perform(step: Step, { host, settings, options, report, agent }: Work): Promise<void> {
  const { signal } = options
  const common = { sudo: true, ...(signal && { signal }) }
  switch (step.kind) {
    case 'install-programs': {
      const { programs, packageManager, isRequired } = step
      const packages = packagesOf(programs, packageManager).join(', ')
      report.step(`installing ${packages} with ${packageManager}`)
      const input = programsInstallScript(programs, packageManager)
      await host.demand(`install ${packages}`, 'sh -s', { ...common, input, timeoutMs: DOCKER_MS_MAX }).catch((err: Error) => {
        if (isRequired) throw err
        report.note(`${host.name}: ${err.message}`)
      })
      return
    }
    case 'install-docker':
      report.step(`installing Docker with ${step.packageManager}`)
      await host.demand('install Docker', 'sh -s', { ...common, input: dockerInstallScript(step.packageManager), timeoutMs: DOCKER_MS_MAX })
      return
    case 'upload-agent':
      report.step('uploading the agent')
      await host.upload(agent, '/usr/local/bin/davit-node-agent', {
        ...common,
        mode: 0o755,
        onProgress: share => report.detail(`uploading the agent: ${Math.round(share * 100)} %`),
      })
      return
    case 'install-agent': {
      report.step(step.needsToken ? 'joining the cluster' : 'restarting the agent')
      const token = step.needsToken
        ? await createJoinToken(options.client, { clock: options.clock, ttlMs: TOKEN_MS, nodeName: settings.nodeName })
        : undefined
      try {
        const input = stringify({ ...agentConfig(settings), ...(token && { token }) })
        await host.demand('install the agent', '/usr/local/bin/davit-node-agent install --config -', {
          ...common,
          input,
          timeoutMs: INSTALL_MS_MAX,
        })
      } finally {
        if (token) await revoke(options.client, token)
      }
      return
    }
    default:
      step satisfies never
  }
}

/** A token that was not used is one too many. */
async function revoke(client: HttpClient, token: string): Promise<void> {
  const name = joinTokenSecretName(parseJoinToken(token)?.id ?? '')
  await client
    .resource(secretKind)
    .delete({ namespace: NAMESPACES.system, name })
    .catch(() => {})
}

async function becomeReady(
  nodeName: string,
  {
    host,
    options,
    report,
    afterLease,
    saidBeforeMs,
  }: Pick<Work, 'host' | 'options' | 'report'> & { afterLease: string | undefined; saidBeforeMs: number },
): Promise<void> {
  const { client, clock, timeoutMs, signal } = options
  report.step('waiting until it is Ready')
  try {
    await untilReady(nodeName, {
      client,
      clock,
      timeoutMs,
      signal,
      afterLease,
      async onWaiting(why) {
        const words = await lastWords(host, saidBeforeMs)
        if (words.isFatal) throw new Error(words.text)
        report.detail(`waiting until it is Ready: ${why}${words.text && `; the agent says: ${words.text}`}`)
      },
    })
  } catch (err) {
    const { text } = await lastWords(host, saidBeforeMs)
    const said = text && text !== (err as Error).message ? `; the agent said: ${text}` : ''
    throw new Error(`The agent runs, but ${(err as Error).message}${said}. See "davit node logs ${formatTarget(host.target)}"`, {
      cause: err,
    })
  }
}

/** What the Node has to say beyond what its agent says. */
async function settleNode(nodeName: string, { host, spec, client }: { host: SshHost; spec: HostSpec; client: HttpClient }): Promise<void> {
  const nodes = client.resource(nodeKind)
  const node = await nodes.get({ name: nodeName })
  const annotations = { [SSH_ANNOTATION]: formatTarget(host.target), ...(spec.jump && { [JUMP_ANNOTATION]: spec.jump }) }
  const labels = Object.fromEntries(spec.labels.map(label => [label.slice(0, label.indexOf('=')), label.slice(label.indexOf('=') + 1)]))
  const present: readonly Taint[] = node.spec?.taints ?? []
  const isSame = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect
  const wanted = spec.taints.map(parseTaint)
  const lacking = wanted.filter(taint => !present.some(found => isSame(found, taint) && (found.value ?? '') === (taint.value ?? '')))
  const taints = [...present.filter(found => !lacking.some(taint => isSame(found, taint))), ...lacking]
  const isRight = (has: Readonly<Record<string, string>> | undefined, wants: Readonly<Record<string, string>>) =>
    Object.entries(wants).every(([key, value]) => has?.[key] === value)
  if (lacking.length === 0 && isRight(node.metadata.annotations, annotations) && isRight(node.metadata.labels, labels)) return
  const body = {
    metadata: { annotations, labels, resourceVersion: node.metadata.resourceVersion },
    ...(lacking.length > 0 && { spec: { taints } }),
  }
  try {
    await nodes.patch({ name: nodeName }, { type: 'merge', body })
  } catch (err) {
    if (!isReason(err, 'Conflict'))
      throw new SshError('command', `Node "${nodeName}" is Ready, but could not be marked: ${(err as Error).message}; run this again`)
    await settleNode(nodeName, { host, spec, client })
  }
}
