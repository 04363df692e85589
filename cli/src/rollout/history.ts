import { isDeepStrictEqual } from 'node:util'
import {
  type Client,
  controllerOf,
  type Deployment,
  type PodTemplateSpec,
  type ReplicaSet,
  replicaSetKind,
  selectorFromLabelSelector,
} from '@davit/api'

const REVISION = 'deployment.kubernetes.io/revision'
const CHANGE_CAUSE = 'kubernetes.io/change-cause'
const HASH_LABEL = 'pod-template-hash'

export interface History {
  /** The ReplicaSet of the present template, if it was made already. */
  readonly current: ReplicaSet | undefined
  /** The others, oldest revision first. */
  readonly old: readonly ReplicaSet[]
}

/** A Deployment's ReplicaSets. */
export async function historyOf(client: Client, deployment: Deployment): Promise<History> {
  const { metadata, spec } = deployment
  const list = await client.resource(replicaSetKind).list({
    ...(metadata.namespace && { namespace: metadata.namespace }),
    labelSelector: selectorFromLabelSelector(spec.selector).toString(),
  })
  const own = list.items
    .filter(set => controllerOf(set)?.uid === metadata.uid)
    .toSorted((one, other) => revisionOf(one) - revisionOf(other))
  const current = own.find(set => isSameTemplate(set.spec.template, spec.template))
  return { current, old: own.filter(set => set !== current) }
}

/** 0 when the controller has not numbered it yet. */
export function revisionOf({ metadata }: ReplicaSet | Deployment): number {
  return Number(metadata.annotations?.[REVISION] ?? 0)
}

export function changeCauseOf({ metadata }: ReplicaSet): string | undefined {
  return metadata.annotations?.[CHANGE_CAUSE]
}

/** The template without the label that the controller adds. */
export function templateOf({ spec }: ReplicaSet): PodTemplateSpec | undefined {
  if (!spec.template) return undefined
  const { [HASH_LABEL]: _, ...labels } = spec.template.metadata?.labels ?? {}
  return { ...spec.template, metadata: { ...spec.template.metadata, labels } }
}

/** Annotations that belong to one revision's ReplicaSet and are not carried back. */
export function annotationsToRestore({ metadata }: ReplicaSet, deployment: Deployment): Record<string, string> {
  const isOwn = (name: string) =>
    name.startsWith('deployment.kubernetes.io/') || name === 'kubectl.kubernetes.io/last-applied-configuration'
  const entries = (annotations: Readonly<Record<string, string>> | undefined, keep: (name: string) => boolean) =>
    Object.entries(annotations ?? {}).filter(([name]) => keep(name))
  return Object.fromEntries([...entries(metadata.annotations, name => !isOwn(name)), ...entries(deployment.metadata.annotations, isOwn)])
}

export function isSameTemplate(one: PodTemplateSpec | undefined, other: PodTemplateSpec | undefined): boolean {
  return isDeepStrictEqual(comparable(one), comparable(other))
}

function comparable(template: PodTemplateSpec | undefined) {
  const { [HASH_LABEL]: _, ...labels } = template?.metadata?.labels ?? {}
  return { labels, annotations: template?.metadata?.annotations ?? {}, spec: template?.spec }
}
