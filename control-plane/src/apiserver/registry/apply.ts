/** Server-side apply, the shell: checks what is applied, and writes what `api/src/apply` makes of it. */
import {
  ApiError,
  apiError,
  apiVersionOf,
  applyConfig,
  badRequest,
  configErrors,
  conflict,
  conflictCause,
  conflictMessage,
  decodeObject,
  describeSchema,
  type FieldSet,
  fieldsStillApplied,
  formatTime,
  joinedErrors,
  type Kind,
  type KubernetesObject,
  LAST_APPLIED_ANNOTATION,
  type ManagedFieldsEntry,
  NO_FIELDS,
  type ObjectMeta,
  scaleKind,
  setOf,
  validateAnnotations,
} from '@davit/api'
import type { Stored } from '../../storage/types.ts'
import { reportUnknown, strictly } from './decode.ts'
import { type FieldWrite, managerOf, setOwners, storedEntries } from './managed-fields.ts'
import type { RequestContext } from './types.ts'
import type { Part } from './update.ts'

/** The manager whose last applied configuration, an annotation, is handed over and kept up to date. */
const KUBECTL = 'kubectl'

export interface ApplyWrite extends FieldWrite {
  readonly part: Part
  readonly config: Config
}

/** An applied configuration: what the client gave, nulls and all, of its types and without fields nobody knows. */
export type Config = object & { readonly metadata?: ObjectMeta }

/** The configuration in a body. Throws BadRequest in Kubernetes' words. */
export function readConfig(kind: Kind, body: unknown, context: RequestContext): Config {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('error decoding YAML: an object is wanted')
  const config = body as Partial<KubernetesObject>
  const { apiVersion = '', kind: name = '' } = config
  if (apiVersion !== apiVersionOf(kind) || name !== kind.kind)
    throw badRequest(`invalid object type: ${typeText(String(apiVersion), name)}`)
  reportUnknown([], context, strictly(kind))
  decodeObject(kind, config)
  if (config.metadata?.managedFields) throw badRequest('metadata.managedFields must be nil')
  const errors = configErrors(describeSchema(kind), config)
  if (errors.length > 0) {
    const { namespace = '', name: called = '' } = config.metadata ?? {}
    const what = `${namespace}/${called}; ${typeText(apiVersion, name)}`
    throw badRequest(`failed to create typed patch object (${what}): ${joinedErrors(errors)}`)
  }
  return config
}

/** The part of `kind` that an applied Scale speaks of, as a configuration of the object itself. */
export function configOfScale(kind: Kind, body: unknown, context: RequestContext): Config {
  if (!kind.scale) throw apiError('NotFound', 'the server could not find the requested resource')
  const { metadata, spec } = readConfig(scaleKind as unknown as Kind, body, context) as Config & { spec?: object }
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, ...(metadata && { metadata }), ...(spec && { spec }) } as Config
}

/** The object with the configuration put onto it, and its owners in it. Throws Conflict with one cause for each field. */
export function configAsWanted(write: ApplyWrite): (current: Stored) => KubernetesObject {
  return ({ object: live }) => {
    const { managedFields: _, ...metadata } = live.metadata
    return applied(write, { ...live, metadata }, storedEntries(live))
  }
}

/** Who owns what of an object that a configuration creates. */
export function ownersOfNew(write: ApplyWrite): readonly ManagedFieldsEntry[] {
  return storedEntries(applied(write, {}, []))
}

function applied(write: ApplyWrite, live: object, entries: readonly ManagedFieldsEntry[]): KubernetesObject {
  const { kind, context, clock, config, convert, part } = write
  const node = describeSchema(kind)
  const handsOver = context.fieldManager === KUBECTL && write.subresource === undefined
  const lastApplied = handsOver ? lastAppliedOf(kind, live) : undefined
  const result = applyConfig({
    entries,
    by: managerOf(write, 'Apply'),
    time: formatTime(clock.now()),
    node,
    live,
    config,
    convert,
    ignored: fieldsNotOf(kind, part),
    force: context.force || (lastApplied ? fieldsStillApplied(node, lastApplied, live) : false),
    finish: merged => {
      const { object } = decodeObject(kind, merged)
      kind.applyDefaults(object)
      return object
    },
  })
  if (result.conflicts) {
    throw apiError('Conflict', conflictMessage(result.conflicts), { causes: result.conflicts.map(conflictCause) })
  }
  const object = result.object as KubernetesObject
  if (handsOver) keepLastApplied(object, config)
  setOwners(object, result.entries)
  return object
}

/** Fields that a write of `part` leaves alone: whoever applies them does not own them. */
function fieldsNotOf(kind: Kind, part: Part): FieldSet {
  if (part === 'object') {
    const status = kind.subresources.includes('status') ? setOf('f:status') : NO_FIELDS
    return kind.keepsSpec ? { 'f:spec': NO_FIELDS, ...status } : status
  }
  const isStatus = part === 'status' || part === 'approval'
  const { fields } = describeSchema(kind)
  const others = Object.keys(fields).filter(name => name !== 'metadata' && name !== (isStatus ? 'status' : 'spec'))
  const own = Object.fromEntries(others.map(name => [`f:${name}`, NO_FIELDS]))
  if (isStatus) return { ...own, 'f:metadata': { 'f:deletionTimestamp': NO_FIELDS, 'f:ownerReferences': NO_FIELDS } }
  const kept = part === 'resize' ? ['containers', 'initContainers'] : ['ephemeralContainers']
  const spec = fields.spec?.type === 'object' ? Object.keys(fields.spec.fields) : []
  const left = Object.fromEntries(spec.filter(name => !kept.includes(name)).map(name => [`f:${name}`, NO_FIELDS]))
  return { ...own, 'f:metadata': NO_FIELDS, 'f:spec': left }
}

/** The configuration that client-side apply left in the object's annotation; undefined when there is none that can be used. */
function lastAppliedOf(kind: Kind, live: object): object | undefined {
  const text = (live as Partial<KubernetesObject>).metadata?.annotations?.[LAST_APPLIED_ANNOTATION]
  if (!text) return undefined
  try {
    const config = JSON.parse(text) as Partial<KubernetesObject>
    if (config.apiVersion !== apiVersionOf(kind) || configErrors(describeSchema(kind), config).length > 0) return undefined
    return decodeObject(kind, config).object
  } catch {
    return undefined
  }
}

/** Client-side apply, where it was used before, may be used again: its annotation says what was applied last. */
function keepLastApplied({ metadata }: KubernetesObject, config: Config): void {
  if (!metadata.annotations?.[LAST_APPLIED_ANNOTATION]) return
  const { annotations, ...rest } = config.metadata ?? {}
  const { [LAST_APPLIED_ANNOTATION]: _, ...others } = annotations ?? {}
  const kept = { ...rest, ...(Object.keys(others).length > 0 && { annotations: others }) }
  const withLast: Record<string, string> = {
    ...metadata.annotations,
    [LAST_APPLIED_ANNOTATION]: `${JSON.stringify({ ...config, metadata: kept })}\n`,
  }
  const isTooLarge = validateAnnotations(withLast, 'metadata.annotations').some(({ type }) => type === 'TooLong')
  if (isTooLarge) delete withLast[LAST_APPLIED_ANNOTATION]
  metadata.annotations = withLast
}

/** A configuration that names one object cannot make another. Throws Conflict. */
export function mustNotExistYet(kind: Kind, name: string, { metadata }: Config): void {
  const missing = 'and no existing object was found'
  if (metadata?.uid) throw conflict(kind, name, `uid mismatch: the provided object specified uid ${metadata.uid}, ${missing}`)
  if (metadata?.resourceVersion) {
    throw conflict(kind, name, `the provided object specified resourceVersion ${metadata.resourceVersion}, ${missing}`)
  }
}

/** Whether `error` says that this very object is not there. */
export function isAbsent(error: unknown, kind: Kind, name: string): boolean {
  if (!(error instanceof ApiError) || error.reason !== 'NotFound') return false
  const { details } = error.status
  return details?.name === name && details.kind === kind.plural && (details.group ?? '') === kind.group
}

/** As Go writes a group, version and kind. */
function typeText(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`
}
