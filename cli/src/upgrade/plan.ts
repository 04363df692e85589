/** What an upgrade does, in order, or why it must not begin. */
import { compareVersions, parseVersion } from './version.ts'

export interface ControlPlaneFacts {
  readonly name: string
  /** Undefined when it does not answer; then `why` says more. */
  readonly version: string | undefined
  readonly why?: string
}

export interface NodeFacts {
  readonly name: string
  readonly version: string | undefined
  readonly isReady: boolean
}

export interface UpgradeFacts {
  /** The version to go to. */
  readonly target: string
  /** Back to the version before: nodes go first then, for none may be newer than its control plane. */
  readonly isRollback: boolean
  /** Agents stay as they are. */
  readonly skipsNodes: boolean
  readonly controlPlanes: readonly ControlPlaneFacts[]
  readonly nodes: readonly NodeFacts[]
}

export type UpgradeStep = { readonly kind: 'control-plane' | 'node'; readonly name: string; readonly from: string | undefined }

export interface UpgradePlan {
  /** Each names what is wrong and what to do; nothing may be done while there is one. */
  readonly problems: readonly string[]
  /** Only what does not run the target yet, so that an upgrade that was broken off goes on. */
  readonly steps: readonly UpgradeStep[]
}

/** https://kubernetes.io/releases/version-skew-policy/: one minor version at a time, and no node newer than a control plane. */
export function planUpgrade({ target, isRollback, skipsNodes, controlPlanes, nodes }: UpgradeFacts): UpgradePlan {
  const problems = [
    ...controlPlanes.flatMap(({ name, version, why }) =>
      version === undefined ? [`Control plane "${name}" does not answer${why ? `: ${why}` : ''}. Mend it first.`] : [],
    ),
    ...nodes.flatMap(({ name, isReady }) =>
      isReady || skipsNodes ? [] : [`Node "${name}" is not Ready. Mend it, or take it out: davit node remove ${name}`],
    ),
    ...[...controlPlanes, ...nodes].flatMap(({ name, version }) =>
      version === undefined ? [] : skewProblem({ name, version, target, isRollback }),
    ),
    ...(isRollback && skipsNodes ? nodes.flatMap(({ name, version }) => newerProblem({ name, version, target })) : []),
  ]
  const stepsOf = (kind: UpgradeStep['kind'], all: readonly { name: string; version: string | undefined }[]) =>
    all.filter(({ version }) => version !== target).map(({ name, version }): UpgradeStep => ({ kind, name, from: version }))
  const steps = [stepsOf('control-plane', controlPlanes), stepsOf('node', skipsNodes ? [] : nodes)]
  return { problems, steps: (isRollback ? steps.toReversed() : steps).flat() }
}

function skewProblem({
  name,
  version,
  target,
  isRollback,
}: {
  name: string
  version: string
  target: string
  isRollback: boolean
}): string[] {
  const from = parseVersion(version)
  const to = parseVersion(target)
  if (!to) return [`"${target}" is no version: want one such as 0.2.0`]
  if (!from) return [`"${name}" runs "${version}", which is no version of Davit that can be upgraded`]
  if (compareVersions(to, from) < 0 && !isRollback)
    return [`"${name}" runs ${version}, newer than ${target}. To go back to the version before: davit upgrade --rollback`]
  if (to.major !== from.major || Math.abs(to.minor - from.minor) > 1)
    return [
      `"${name}" runs ${version}: go one minor version at a time, to ${from.major}.${from.minor + Math.sign(to.minor - from.minor)} first`,
    ]
  return []
}

/** No agent may be newer than its control plane. */
function newerProblem({ name, version, target }: { name: string; version: string | undefined; target: string }): string[] {
  const [from, to] = [parseVersion(version ?? ''), parseVersion(target)]
  return from && to && compareVersions(from, to) > 0
    ? [`Node "${name}" runs ${version}, newer than ${target}, and goes back first: leave --skip-nodes out`]
    : []
}
