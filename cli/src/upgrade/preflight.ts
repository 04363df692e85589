/** What would stop an upgrade half way, found before its first step: the way to every machine, the image, the agents, and the files here. */
import { type ClusterConfig, changedFiles, type Machine, machinesOf } from '@davit/deploy'
import { findProject, openMachine } from '../machines/index.ts'
import { runPool } from '../nodes/index.ts'
import type { SshHost } from '../ssh/index.ts'
import { canKeepImage, getImage } from './image.ts'
import type { UpgradeStep } from './plan.ts'

export interface PreflightOptions {
  readonly dir: string
  readonly target: string
  /** That the control planes are to run; it is pulled where it is not. */
  readonly image: string
  readonly connect: (target: string) => Promise<SshHost>
  /** Throws with why a node's agent cannot come to the version. */
  readonly checkNode: (name: string, version: string) => Promise<void>
}

const PARALLEL = 8

/** All there are, each with what to do; nothing but the image is changed anywhere. Never rejects. */
export async function findProblems(config: ClusterConfig, steps: readonly UpgradeStep[], options: PreflightOptions): Promise<string[]> {
  const { dir, target, image, checkNode } = options
  const checks = [
    { name: `Directory ${dir}`, run: () => changedFiles(dir, { version: target, controlPlaneImage: image }) },
    ...machinesOf(config).map(machine => ({ name: nameOf(machine), run: () => checkMachine(config, machine, options) })),
    ...steps.flatMap(({ kind, name }) => (kind === 'node' ? [{ name: `Node ${name}`, run: () => checkNode(name, target) }] : [])),
  ]
  const results = await runPool(checks, PARALLEL, async ({ run }): Promise<unknown> => run())
  const problems = foldAlike(
    results.flatMap((result, index) =>
      result.status === 'rejected' ? [{ name: checks[index]?.name ?? '', problem: (result.reason as Error).message }] : [],
    ),
  )
  const isOfNodes = problems.some(problem => problem.startsWith('Node '))
  return [...problems, ...(isOfNodes ? ['To leave all agents as they are: --skip-nodes'] : [])]
}

async function checkMachine(config: ClusterConfig, machine: Machine, { connect, image }: PreflightOptions): Promise<void> {
  const shell = await openMachine(machine, connect)
  for (const { suffix } of machine.members) {
    const project = await findProject(shell, { project: config.name, service: `control-plane${suffix}` })
    await canKeepImage(shell, project)
  }
  await getImage(shell, image)
}

/** A problem that several have is told once. */
export function foldAlike(found: readonly { name: string; problem: string }[]): string[] {
  const names = new Map<string, string[]>()
  for (const { name, problem } of found) names.set(problem, [...(names.get(problem) ?? []), name])
  return [...names].map(([problem, all]) => `${all.join(', ')}: ${problem}`)
}

const nameOf = ({ members }: Machine) => `Machine of ${members.map(({ name }) => name).join(', ')}`
