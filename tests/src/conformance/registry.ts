/** The list of behaviours, and what covers each. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Case, Topic } from './case.ts'
import { cases as accounts } from './cases/accounts.ts'
import { cases as admission } from './cases/admission.ts'
import { cases as aggregation } from './cases/aggregation.ts'
import { cases as containers } from './cases/containers.ts'
import { cases as customFields } from './cases/custom-fields.ts'
import { cases as customOpenApi } from './cases/custom-open-api.ts'
import { cases as customResources } from './cases/custom-resources.ts'
import { cases as discovery } from './cases/discovery.ts'
import { cases as downwardVolumes } from './cases/downward-volumes.ts'
import { cases as emptyDir } from './cases/empty-dir.ts'
import { cases as env } from './cases/env.ts'
import { cases as events } from './cases/events.ts'
import { cases as fieldValidation } from './cases/field-validation.ts'
import { cases as fileVolumes } from './cases/file-volumes.ts'
import { cases as garbage } from './cases/garbage.ts'
import { cases as hooks } from './cases/hooks.ts'
import { cases as initContainers } from './cases/init-containers.ts'
import { servedKind } from './cases/kind-life.ts'
import { cases as kinds } from './cases/kinds.ts'
import { cases as kubectl } from './cases/kubectl.ts'
import { cases as limitRanges } from './cases/limit-ranges.ts'
import { cases as lists } from './cases/lists.ts'
import { cases as liveVolumes } from './cases/live-volumes.ts'
import { cases as namespaces } from './cases/namespaces.ts'
import { cases as nodes } from './cases/nodes.ts'
import { cases as persistentVolumes } from './cases/persistent-volumes.ts'
import { cases as pods } from './cases/pods.ts'
import { cases as policies } from './cases/policies.ts'
import { cases as probes } from './cases/probes.ts'
import { cases as proxy } from './cases/proxy.ts'
import { cases as quotas } from './cases/quotas.ts'
import { cases as refusals } from './cases/refusals.ts'
import { cases as resize } from './cases/resize.ts'
import { cases as runtimeClass } from './cases/runtime-class.ts'
import { cases as security } from './cases/security.ts'
import { cases as services } from './cases/services.ts'
import { cases as subPath } from './cases/sub-path.ts'
import { cases as taints } from './cases/taints.ts'
import { cases as watches } from './cases/watches.ts'
import { cases as wholeLives } from './cases/whole-lives.ts'
import { cases as workloads } from './cases/workloads.ts'
import { NOT_YET } from './not-yet.ts'
import type { PlaneContext } from './plane-context.ts'

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
  /** Whether the test runs on real Docker hosts, or against a control plane alone. */
  readonly on?: 'hosts' | 'API'
  readonly file?: string
  readonly reason?: string
}

/** What needs nodes and pods that run, in the order in which they run: what takes longest begins first. */
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
  { file: 'taints', cases: taints },
  { file: 'nodes', cases: nodes },
  { file: 'proxy', cases: proxy },
  { file: 'aggregation', cases: aggregation },
]

/** What the API and its controllers do without a node. */
export const API_TOPICS: readonly Topic<PlaneContext>[] = [
  { file: 'admission', cases: admission },
  { file: 'garbage', cases: garbage },
  { file: 'accounts', cases: accounts },
  { file: 'custom-open-api', cases: customOpenApi },
  { file: 'kubectl', cases: kubectl },
  { file: 'custom-resources', cases: customResources },
  { file: 'custom-fields', cases: customFields },
  { file: 'services', cases: services },
  { file: 'namespaces', cases: namespaces },
  { file: 'watches', cases: watches },
  { file: 'persistent-volumes', cases: persistentVolumes },
  { file: 'whole-lives', cases: wholeLives },
  { file: 'workloads', cases: workloads },
  { file: 'policies', cases: policies },
  { file: 'quotas', cases: quotas },
  { file: 'limit-ranges', cases: limitRanges },
  { file: 'kinds', cases: kinds },
  { file: 'events', cases: events },
  { file: 'refusals', cases: refusals },
  { file: 'lists', cases: lists },
  { file: 'discovery', cases: discovery },
  { file: 'field-validation', cases: fieldValidation },
]

/** Why a case cannot run, or is known to fail; undefined when it must pass. */
export function reasonOf({ kind, unmet }: Pick<Case, 'kind' | 'unmet'>): string | undefined {
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
  const byRow = new Map<string, Omit<Coverage, keyof Behaviour>>()
  for (const { reason, kind, rows } of NOT_YET) {
    // Whoever serves the kind has the rows to write.
    const stillTrue = kind === undefined || servedKind(kind) === undefined
    for (const row of rows) byRow.set(row, { reason: stillTrue ? reason : 'no test yet' })
  }
  const add = (on: 'hosts' | 'API', file: string, each: Pick<Case, 'row' | 'kind' | 'unmet'>) => {
    const reason = reasonOf(each)
    byRow.set(each.row, { on, file, ...(reason !== undefined && { reason }) })
  }
  for (const { file, cases } of TOPICS) for (const each of cases) add('hosts', file, each)
  for (const { file, cases } of API_TOPICS) for (const each of cases) add('API', file, each)
  return behaviours().map(behaviour => ({ ...behaviour, ...(byRow.get(behaviour.row) ?? { reason: 'no test yet' }) }))
}
