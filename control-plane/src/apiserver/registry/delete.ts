import {
  CLEANUP_FINALIZER,
  type Clock,
  type CustomResourceDefinition,
  conflict,
  customResourceDefinitionKind,
  forbidden,
  formatTime,
  GROUPS,
  isPodFinished,
  type Kind,
  type KubernetesObject,
  NAMESPACES,
  type Pod,
  persistentVolumeKind,
  type Target,
} from '@davit/api'
import type { Storage, Stored } from '../../storage/types.ts'
import { FINALIZERS } from '../../volumes/index.ts'
import { type Admissions, settle } from './admission/rules.ts'
import { change, type Decision } from './change.ts'
import { keyOf, type Resources } from './resources.ts'
import type { DeletionRequest, RequestContext } from './types.ts'
import { cloneJson, isSameJson, storedValue, writtenAs } from './written.ts'

export interface DeleteDependencies {
  storage: Storage
  resources: Resources
  admissions: Admissions
  clock: Clock
}

export interface Deletion {
  object: Stored
  /** False: it is terminating, kept by grace or finalizers. */
  gone: boolean
}

/** Namespaces the cluster cannot be without. */
const IMMORTAL: ReadonlySet<string> = new Set([NAMESPACES.default, NAMESPACES.system, NAMESPACES.public])
const DEFAULT_GRACE_SECONDS = 30
/** Whoever asks for more (the field takes int64) gets this, which is a time that can be written down. */
const GRACE_SECONDS_MAX = 2 ** 31 - 1

interface DeletionOf {
  /** Webhooks have been asked about it already, in other words. */
  isJudged?: boolean
  request: DeletionRequest
  /** Writes onto an object that stays for a while why it goes. */
  mark?: (object: KubernetesObject, now: number) => void
}

/** Deletes an object, or marks it as terminating when something must happen before it goes. */
export async function deleteObject(
  dependencies: DeleteDependencies,
  context: RequestContext,
  kind: Kind,
  { target, ...rest }: DeletionOf & { target: Target },
): Promise<Deletion> {
  const { storage, resources } = dependencies
  if (kind.group === '' && kind.kind === 'Namespace' && IMMORTAL.has(target.name)) {
    throw forbidden(kind, target.name, 'this namespace may not be deleted')
  }
  const options = {
    kind,
    resource: resources.stored(kind),
    key: keyOf(kind, target),
    name: target.name,
    context,
  }
  return change(storage, options, current => decide(dependencies, context, kind, { current, ...rest }))
}

async function decide(
  { admissions, clock }: DeleteDependencies,
  context: RequestContext,
  kind: Kind,
  { current, request, mark, isJudged = false }: DeletionOf & { current: Stored },
): Promise<Decision<Deletion>> {
  checkPreconditions(kind, current, request)
  if (!isJudged) await admissions.judgeDeletion({ kind, context, old: current.object, request })
  const object = terminating(kind, withoutProtection(kind, current.object, context), request, clock)
  if (object) {
    if (!current.object.metadata.deletionTimestamp) mark?.(object, clock.now())
    const value = storedValue(object)
    if (isSameJson(value, storedValue(current.object))) return { answer: { object: current, gone: false } }
    return {
      operations: [{ type: 'update', key: current.key, value, revision: current.revision }],
      result: revision => ({ object: writtenAs(current.key, value, revision || current.revision), gone: false }),
    }
  }
  const extra = await admissions.release(kind, current.object, context.signal)
  return {
    operations: [{ type: 'delete', key: current.key, revision: current.revision }, ...extra.operations],
    guards: extra.guards,
    result: revision => ({ object: writtenAs(current.key, storedValue(current.object), revision || current.revision), gone: true }),
    settled: outcome => settle(extra, outcome),
  }
}

/**
 * An agent deletes a volume when it has removed what was in it, and may do so then only: nothing is left to protect. For all others the
 * object of a volume stays as long as there is data.
 */
function withoutProtection(kind: Kind, object: KubernetesObject, { user }: RequestContext): KubernetesObject {
  if (kind.plural !== persistentVolumeKind.plural || !user.groups.includes(GROUPS.nodes)) return object
  const finalizers = object.metadata.finalizers?.filter(finalizer => finalizer !== FINALIZERS.volume) ?? []
  return { ...object, metadata: { ...object.metadata, finalizers } }
}

function checkPreconditions(kind: Kind, { object: { metadata }, revision }: Stored, { preconditions }: DeletionRequest): void {
  const name = metadata.name ?? ''
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid && uid !== metadata.uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`)
  }
  if (resourceVersion && resourceVersion !== String(revision)) {
    throw conflict(
      kind,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${revision}`,
    )
  }
}

/** The object as it stays behind, marked; undefined when nothing keeps it. Pure. */
export function terminating(kind: Kind, old: KubernetesObject, request: DeletionRequest, clock: Clock): KubernetesObject | undefined {
  const graceSeconds = graceOf(kind, old, request)
  const finalizers = finalizersFor(old, request.propagationPolicy)
  const definesOthers = kind.group === customResourceDefinitionKind.group && kind.kind === customResourceDefinitionKind.kind
  // Its objects go before it; once they are gone the finalizer goes for good.
  const isFirst = !old.metadata.deletionTimestamp
  if (definesOthers && isFirst && !finalizers.includes(CLEANUP_FINALIZER)) finalizers.push(CLEANUP_FINALIZER)
  const isHeld = finalizers.length > 0 || isHeldNamespace(old)
  if (graceSeconds === 0 && !isHeld) return undefined

  const object = cloneJson(old)
  const { metadata } = object
  if (finalizers.length > 0) metadata.finalizers = finalizers
  else delete metadata.finalizers
  const wasGrace = old.metadata.deletionGracePeriodSeconds ?? 0
  if (!old.metadata.deletionTimestamp) {
    metadata.deletionTimestamp = formatTime(clock.now() + graceSeconds * 1000)
    if (object.kind !== 'Namespace') metadata.deletionGracePeriodSeconds = graceSeconds
    if (metadata.generation !== undefined) metadata.generation += 1
  } else if (graceSeconds < wasGrace) {
    metadata.deletionTimestamp = formatTime(Date.parse(old.metadata.deletionTimestamp) - (wasGrace - graceSeconds) * 1000)
    metadata.deletionGracePeriodSeconds = graceSeconds
  }
  if (definesOthers && isFirst) markTerminating(object as CustomResourceDefinition, clock)
  if (isHeldNamespace(object)) Object.assign(object, { status: { ...(object as { status?: object }).status, phase: 'Terminating' } })
  return object
}

function markTerminating(definition: CustomResourceDefinition, clock: Clock): void {
  const others = definition.status?.conditions?.filter(({ type }) => type !== 'Terminating') ?? []
  const condition = {
    type: 'Terminating',
    status: 'True' as const,
    lastTransitionTime: formatTime(clock.now()),
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  }
  definition.status = { ...definition.status, conditions: [...others, condition] }
}

/** Seconds the object has from now, or had from its first deletion; asking again may only shorten it. */
function graceOf(kind: Kind, old: KubernetesObject, { gracePeriodSeconds }: DeletionRequest): number {
  if (kind.group !== '' || kind.kind !== 'Pod') return 0
  const pod = old as Pod
  // Negative means at once in old clients: the API server makes it the shortest grace there is.
  const asked = gracePeriodSeconds !== undefined && gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds
  if (!pod.spec.nodeName || isPodFinished(pod)) return 0
  const wanted = Math.min(asked ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS, GRACE_SECONDS_MAX)
  const before = pod.metadata.deletionTimestamp ? (pod.metadata.deletionGracePeriodSeconds ?? 0) : undefined
  if (before !== undefined) return Math.min(before, asked ?? before)
  return wanted
}

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'

/** Finalizers after the propagation policy has its say; without one, what is there stays. */
function finalizersFor({ metadata }: KubernetesObject, policy: DeletionRequest['propagationPolicy']): string[] {
  const finalizers = metadata.finalizers ?? []
  if (!policy) return [...finalizers]
  const others = finalizers.filter(finalizer => finalizer !== ORPHAN && finalizer !== FOREGROUND)
  if (policy === 'Orphan') return [...others, ORPHAN]
  if (policy === 'Foreground') return [...others, FOREGROUND]
  return others
}

function isHeldNamespace(object: KubernetesObject): boolean {
  return object.kind === 'Namespace' && ((object as { spec?: { finalizers?: unknown[] } }).spec?.finalizers?.length ?? 0) > 0
}
