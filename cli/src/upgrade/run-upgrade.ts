/** Carries out an upgrade: looks at what runs, plans, and takes one step after the other, each behind a health gate. */
import { type Clock, type HttpClient, isNodeReady, nodeKind } from '@davit/api'
import { type ClusterConfig, type InitResult, initCluster, type Machine, machinesOf, readClusterConfig } from '@davit/deploy'
import { findProject, openMachine, presentImage } from '../machines/index.ts'
import type { SshHost } from '../ssh/index.ts'
import { askControlPlane, type Credentials, swapControlPlane } from './control-plane.ts'
import { keepImage } from './image.ts'
import { planUpgrade, type UpgradePlan, type UpgradeStep } from './plan.ts'
import { findProblems } from './preflight.ts'
import { readRecord, type UpgradeRecord, writeRecord } from './record.ts'
import { davitVersion } from './version.ts'

export interface UpgradeOptions {
  /** The cluster's directory. */
  readonly dir: string
  /** Version to go to; with `isRollback` the one before counts. */
  readonly target: string
  /** Of the control plane; the present one with the new version as tag when left out. */
  readonly image?: string
  readonly isRollback: boolean
  readonly isDryRun: boolean
  /** Agents stay as they are. */
  readonly skipsNodes: boolean
  readonly client: HttpClient
  readonly credentials: Credentials
  readonly clock: Clock
  /** How long a part may take to be healthy with its new version. */
  readonly timeoutMs: number
  /** Called again and again; what it gives is not closed here. */
  readonly connect: (target: string) => Promise<SshHost>
  /** Throws with why the node's agent cannot come to the version. */
  readonly checkNode: (name: string, version: string) => Promise<void>
  readonly backUp: () => Promise<void>
  /** Settles once the node's agent is Ready with the version; rejects, with the old one running again, otherwise. */
  readonly upgradeNode: (name: string, version: string) => Promise<void>
  readonly progress: { begin(text: string): void; done(): void; failed(): void }
  readonly print: (text: string) => void
}

/**
 * Gives what has come of the directory; undefined after a dry run. Throws, saying what runs what and how to go on, when it has to stop half
 * way, and with all that is in the way when it does not begin.
 */
export async function runUpgrade(options: UpgradeOptions): Promise<InitResult | undefined> {
  const { dir, isRollback, isDryRun, skipsNodes, print } = options
  const config = await readClusterConfig(dir)
  if (!config) throw new Error(`There is no cluster.yaml in "${dir}": name the directory that "davit init" made`)
  const before = await readRecord(dir)
  const record = recordOf(options, config, before)
  const target = isRollback ? record.from : record.to
  const image = isRollback ? { from: record.images.to, to: record.images.from } : record.images
  const steps = await shown(options, 'Looking at control planes, nodes and their machines', async () => {
    const plan = await planNow(options, config, target)
    const problems = [...plan.problems, ...(await findProblems(config, plan.steps, { ...options, target, image: image.to }))]
    if (problems.length > 0) throw new Error(`Cannot go to ${target} yet:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
    return plan.steps
  })
  if (steps.length === 0) print(`Everything runs ${target} already.\n`)
  if (isDryRun) {
    print(steps.map(step => `${nameOf(step)}: ${step.from} to ${target}\n`).join(''))
    return undefined
  }
  if (steps.length > 0 && !isRollback) {
    await options.backUp()
    await writeRecord(dir, record)
  }
  for (const [index, step] of steps.entries()) {
    try {
      await shown(options, `${nameOf(step)}: ${step.from ?? '?'} to ${target}`, () =>
        step.kind === 'node' ? options.upgradeNode(step.name, target) : upgradeControlPlane(options, config, { step, target, image }),
      )
    } catch (err) {
      const left = steps.slice(index).map(nameOf).join(', ')
      throw new Error(
        `${nameOf(step)}: ${(err as Error).message}\nStopped. Not at ${target} yet: ${left}.\nGo on with the same command, or go back with: davit upgrade --rollback --dir ${dir}`,
        { cause: err },
      )
    }
  }
  await keepImages(options, config, image.to)
  const result = await initCluster(dir, { version: target, controlPlaneImage: image.to }, { clock: options.clock })
  if (steps.length > 0) print(skipsNodes ? `The control planes run ${target}; agents stay as they are.\n` : `The cluster runs ${target}.\n`)
  return result
}

async function shown<T>({ progress }: UpgradeOptions, text: string, work: () => Promise<T>): Promise<T> {
  progress.begin(text)
  try {
    const result = await work()
    progress.done()
    return result
  } catch (err) {
    progress.failed()
    throw err
  }
}

/** The way this upgrade goes; one that was broken off goes on with its own record. */
function recordOf(
  { dir, isRollback, target, image }: UpgradeOptions,
  config: ClusterConfig,
  before: UpgradeRecord | undefined,
): UpgradeRecord {
  if (isRollback) {
    if (!before)
      throw new Error(`There is no upgrade.json in "${dir}": this cluster was not upgraded from here, so there is no version to go back to`)
    return before
  }
  const from = config.images.controlPlane
  const to = image ?? `${from.replace(/:[^:/]+$/, '')}:${target}`
  return before?.to === target
    ? { ...before, images: { ...before.images, to } }
    : { from: config.version, to: target, images: { from, to } }
}

async function planNow(
  { client, credentials, isRollback, skipsNodes }: UpgradeOptions,
  config: ClusterConfig,
  target: string,
): Promise<UpgradePlan> {
  const [controlPlanes, nodes] = await Promise.all([
    Promise.all(config.controlPlanes.map(member => askControlPlane(member, credentials))),
    client.resource(nodeKind).list(),
  ])
  return planUpgrade({
    target,
    isRollback,
    skipsNodes,
    controlPlanes,
    nodes: nodes.items.map(node => ({
      name: node.metadata.name ?? '',
      version: davitVersion(node.status?.nodeInfo?.kubeletVersion ?? ''),
      isReady: isNodeReady(node),
    })),
  })
}

interface ControlPlaneStep {
  readonly step: UpgradeStep
  readonly target: string
  readonly image: { readonly from: string; readonly to: string }
}

async function upgradeControlPlane(
  options: UpgradeOptions,
  config: ClusterConfig,
  { step, target, image }: ControlPlaneStep,
): Promise<void> {
  const { machine, member } = memberOf(config, step.name)
  const service = `control-plane${member.suffix}`
  const shell = await openMachine(machine, options.connect)
  const of = { project: config.name, service }
  const project = await findProject(shell, of)
  const from = (await presentImage(shell, of)) || image.from
  const { credentials, clock, timeoutMs } = options
  await swapControlPlane({
    shell,
    project,
    service,
    member,
    credentials,
    clock,
    timeoutMs,
    image: { from, to: image.to },
    version: { from: step.from, to: target },
  })
}

/** Only now that all run it: a machine that starts again half way must not bring a version that was not healthy. */
async function keepImages({ connect }: UpgradeOptions, config: ClusterConfig, image: string): Promise<void> {
  for (const machine of machinesOf(config)) {
    const shell = await openMachine(machine, connect)
    const [first] = machine.members
    await keepImage(shell, await findProject(shell, { project: config.name, service: `control-plane${first?.suffix ?? ''}` }), image)
  }
}

function memberOf(config: ClusterConfig, name: string): { machine: Machine; member: Machine['members'][number] } {
  for (const machine of machinesOf(config)) {
    const member = machine.members.find(each => each.name === name)
    if (member) return { machine, member }
  }
  throw new Error(`cluster.yaml names no control plane "${name}"`)
}

const nameOf = ({ kind, name }: UpgradeStep) => `${kind === 'node' ? 'Node' : 'Control plane'} ${name}`
