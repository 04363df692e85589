/** Carries out an upgrade: looks at what runs, plans, and takes one step after the other, each behind a health gate. */
import { type Clock, type HttpClient, nodeKind } from '@davit/api'
import { type ClusterConfig, initCluster, type Machine, machinesOf, readClusterConfig } from '@davit/deploy'
import { findProject, openMachine, presentImage } from '../machines/index.ts'
import type { SshHost } from '../ssh/index.ts'
import { askControlPlane, type Credentials, swapControlPlane } from './control-plane.ts'
import { keepImage } from './image.ts'
import { planUpgrade, type UpgradePlan, type UpgradeStep } from './plan.ts'
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
  readonly client: HttpClient
  readonly credentials: Credentials
  readonly clock: Clock
  /** How long a part may take to be healthy with its new version. */
  readonly timeoutMs: number
  readonly connect: (target: string) => Promise<SshHost>
  readonly backUp: () => Promise<void>
  /** Settles once the node's agent is Ready with the version; rejects, with the old one running again, otherwise. */
  readonly upgradeNode: (name: string, version: string) => Promise<void>
  readonly progress: { begin(text: string): void; done(): void; failed(): void }
  readonly print: (text: string) => void
}

/** Throws, saying what runs what and how to go on, when it has to stop half way. */
export async function runUpgrade(options: UpgradeOptions): Promise<void> {
  const { dir, isRollback, isDryRun, progress, print } = options
  const config = await readClusterConfig(dir)
  if (!config) throw new Error(`There is no cluster.yaml in "${dir}": name the directory that "davit init" made`)
  const before = await readRecord(dir)
  const record = recordOf(options, config, before)
  const target = isRollback ? record.from : record.to
  const { problems, steps } = await planNow(options, config, target)
  if (problems.length > 0) throw new Error(`Cannot go to ${target} yet:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
  if (steps.length === 0) print(`Everything runs ${target} already.\n`)
  if (isDryRun) return print(steps.map(step => `${nameOf(step)}: ${step.from} to ${target}\n`).join(''))
  if (steps.length > 0 && !isRollback) {
    await options.backUp()
    await writeRecord(dir, record)
  }
  const image = isRollback ? { from: record.images.to, to: record.images.from } : record.images
  for (const [index, step] of steps.entries()) {
    progress.begin(`${nameOf(step)}: ${step.from ?? '?'} to ${target}`)
    try {
      if (step.kind === 'node') await options.upgradeNode(step.name, target)
      else await upgradeControlPlane(options, config, { step, target, image })
      progress.done()
    } catch (err) {
      progress.failed()
      const left = steps.slice(index).map(nameOf).join(', ')
      throw new Error(
        `${nameOf(step)}: ${(err as Error).message}\nStopped. Not at ${target} yet: ${left}.\nGo on with the same command, or go back with: davit upgrade --rollback --dir ${dir}`,
        { cause: err },
      )
    }
  }
  await keepImages(options, config, image.to)
  await initCluster(dir, { version: target, controlPlaneImage: image.to }, { clock: options.clock })
  if (steps.length > 0) print(`The cluster runs ${target}.\n`)
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

async function planNow({ client, credentials, isRollback }: UpgradeOptions, config: ClusterConfig, target: string): Promise<UpgradePlan> {
  const [controlPlanes, nodes] = await Promise.all([
    Promise.all(config.controlPlanes.map(member => askControlPlane(member, credentials))),
    client.resource(nodeKind).list(),
  ])
  return planUpgrade({
    target,
    isRollback,
    controlPlanes,
    nodes: nodes.items.map(({ metadata, status }) => ({
      name: metadata.name ?? '',
      version: davitVersion(status?.nodeInfo?.kubeletVersion ?? ''),
      isReady: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
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
  try {
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
  } finally {
    shell.close()
  }
}

/** Only now that all run it: a machine that starts again half way must not bring a version that was not healthy. */
async function keepImages({ connect }: UpgradeOptions, config: ClusterConfig, image: string): Promise<void> {
  for (const machine of machinesOf(config)) {
    const shell = await openMachine(machine, connect)
    try {
      const [first] = machine.members
      await keepImage(shell, await findProject(shell, { project: config.name, service: `control-plane${first?.suffix ?? ''}` }), image)
    } finally {
      shell.close()
    }
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
