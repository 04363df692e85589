/** The list of behaviours, and what covers each. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Case, Topic } from './case.ts'
import { cases as containers } from './cases/containers.ts'
import { cases as downwardVolumes } from './cases/downward-volumes.ts'
import { cases as emptyDir } from './cases/empty-dir.ts'
import { cases as env } from './cases/env.ts'
import { cases as events } from './cases/events.ts'
import { cases as fileVolumes } from './cases/file-volumes.ts'
import { cases as hooks } from './cases/hooks.ts'
import { cases as initContainers } from './cases/init-containers.ts'
import { servedKind } from './cases/kind-life.ts'
import { cases as kinds } from './cases/kinds.ts'
import { cases as liveVolumes } from './cases/live-volumes.ts'
import { cases as persistentVolumes } from './cases/persistent-volumes.ts'
import { cases as pods } from './cases/pods.ts'
import { cases as probes } from './cases/probes.ts'
import { cases as resize } from './cases/resize.ts'
import { cases as runtimeClass } from './cases/runtime-class.ts'
import { cases as security } from './cases/security.ts'
import { cases as subPath } from './cases/sub-path.ts'
import { cases as taints } from './cases/taints.ts'

/** A row of behaviours.tsv. */
export interface Behaviour {
  /** Kubernetes' special interest group: `sig-node`, … */
  readonly area: string
  readonly row: string
  /** What it takes, separated by `;`. */
  readonly needs: string
  /** Kubernetes release since which it is required. */
  readonly since: string
}

/** A behaviour with its test, or with the reason why there is none that passes. */
export interface Coverage extends Behaviour {
  readonly file?: string
  readonly reason?: string
}

/** In the order in which they run: what takes longest begins first. */
export const TOPICS: readonly Topic[] = [
  { file: 'pods', cases: pods },
  { file: 'sub-path', cases: subPath },
  { file: 'probes', cases: probes },
  { file: 'live-volumes', cases: liveVolumes },
  { file: 'init-containers', cases: initContainers },
  { file: 'containers', cases: containers },
  { file: 'hooks', cases: hooks },
  { file: 'resize', cases: resize },
  { file: 'env', cases: env },
  { file: 'security', cases: security },
  { file: 'runtime-class', cases: runtimeClass },
  { file: 'file-volumes', cases: fileVolumes },
  { file: 'downward-volumes', cases: downwardVolumes },
  { file: 'empty-dir', cases: emptyDir },
  { file: 'persistent-volumes', cases: persistentVolumes },
  { file: 'kinds', cases: kinds },
  { file: 'events', cases: events },
  { file: 'taints', cases: taints },
]

/** Why a case cannot run, or is known to fail; undefined when it must pass. */
export function reasonOf({ kind, unmet }: Case): string | undefined {
  if (kind !== undefined && !servedKind(kind)) return `the API does not serve ${kind.replace(/^\//, '')} yet`
  return unmet
}

/** The rows of behaviours.tsv. */
export function behaviours(): Behaviour[] {
  const file = fileURLToPath(new URL('../../src/conformance/behaviours.tsv', import.meta.url))
  const [, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map(line => {
    const [area = '', row = '', needs = '', since = ''] = line.split('\t')
    return { area, row, needs, since }
  })
}

/** Every row once, with what covers it. */
export function coverage(): Coverage[] {
  const byRow = new Map(TOPICS.flatMap(({ file, cases }) => cases.map(each => [each.row, { file, each }] as const)))
  return behaviours().map(behaviour => {
    const found = byRow.get(behaviour.row)
    if (!found) return { ...behaviour, reason: 'no test yet' }
    const reason = reasonOf(found.each)
    return { ...behaviour, file: found.file, ...(reason !== undefined && { reason }) }
  })
}
