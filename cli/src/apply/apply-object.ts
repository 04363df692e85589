import { ApiError, createThreeWayMergePatch, createThreeWayStrategicPatch, isReason, kindFor, LAST_APPLIED_ANNOTATION } from '@davit/api'
import type { DryRun } from '../command-line/index.ts'
import type { ManifestObject } from '../manifests/index.ts'
import { placeOf } from '../resources/index.ts'
import { type AnyObject, objectLabel, type ResourceType, type Session } from '../session/index.ts'
import { lastApplied, withLastApplied } from './last-applied.ts'

export interface ApplyOptions {
  dryRun?: DryRun
  /** The server merges, and refuses to take fields from others. */
  serverSide?: boolean
  forceConflicts?: boolean
  /** Delete and create again what cannot be changed. */
  force?: boolean
  fieldManager?: string
  validation?: 'Strict' | 'Warn' | 'Ignore'
  overwrite?: boolean
  onWarning?: (text: string) => void
}

export interface ApplyResult {
  readonly operation: 'created' | 'configured' | 'unchanged' | 'serverside-applied'
  /** `deployment.apps/web` */
  readonly label: string
  readonly object: AnyObject
}

const CONFLICTS_MAX = 5
const CLIENT_SIDE_MANAGER = 'kubectl-client-side-apply'

type Place = { type: ResourceType; namespace: string | undefined; name: string }

/** Makes the object on the server what the manifest says, in the parts it speaks of. */
export async function applyObject(session: Session, manifest: ManifestObject, options: ApplyOptions = {}): Promise<ApplyResult> {
  const place = await placeOf(session, manifest)
  if (!place.name) {
    if (manifest.object.metadata.generateName)
      throw new Error(`from ${manifest.object.metadata.generateName}: cannot use generate name with apply`)
    throw new Error(`error when retrieving current configuration of "${manifest.source}": resource name may not be empty`)
  }
  const object = inNamespace(manifest.object, place.namespace)
  const label = objectLabel(place.type, place.name)
  if (options.serverSide) return { operation: 'serverside-applied', label, object: await applyOnServer(session, place, object, options) }

  const wanted = withLastApplied(object)
  for (let conflicts = 0; ; conflicts++) {
    try {
      return { label, ...(await applyOnce(session, place, wanted, { ...options, source: manifest.source })) }
    } catch (err) {
      if (isReason(err, 'Conflict') && conflicts < CONFLICTS_MAX) continue
      if (!options.force || !(isReason(err, 'Conflict') || isReason(err, 'Invalid'))) throw err
      return { label, operation: 'configured', object: await replaceByForce(session, place, wanted) }
    }
  }
}

async function applyOnce(
  session: Session,
  place: Place,
  wanted: AnyObject,
  options: ApplyOptions & { source: string },
): Promise<Omit<ApplyResult, 'label'>> {
  const { dryRun = 'none', fieldManager = CLIENT_SIDE_MANAGER, validation = 'Strict', source } = options
  const query = { fieldManager, fieldValidation: validation, ...(dryRun === 'server' && { dryRun: 'All' }) }
  const current = await getOrUndefined(session, place, source)
  if (!current) {
    if (dryRun === 'client') return { operation: 'created', object: wanted }
    const created = await session.api
      .create(place.type, place.namespace ? { namespace: place.namespace } : {}, wanted, { query })
      .catch(withSource('creating', source))
    return { operation: 'created', object: created }
  }
  if (dryRun === 'client') return { operation: 'configured', object: current }
  warnOfUnmanaged(place, current, options)
  const patch = patchFor(place, wanted, current, options)
  if (Object.keys(patch.body).length === 0) return { operation: 'unchanged', object: current }
  const patched = await session.api.patch(place.type, place, patch, { query }).catch(withSource('patching', source))
  return { operation: 'configured', object: patched }
}

/** Lists of known kinds merge by their keys; of others nothing is known, so lists are replaced whole. */
function patchFor({ type }: Place, wanted: AnyObject, current: AnyObject, { overwrite = true }: ApplyOptions) {
  const kind = kindFor(type.group ? `${type.group}/${type.version}` : type.version, type.kind)
  const original = overwrite ? lastApplied(current) : (lastApplied(current) ?? current)
  return kind
    ? ({ type: 'strategic', body: createThreeWayStrategicPatch(kind, original, wanted, current) } as const)
    : ({ type: 'merge', body: createThreeWayMergePatch(original, wanted, current) } as const)
}

function warnOfUnmanaged({ type, name }: Place, current: AnyObject, { onWarning = () => {} }: ApplyOptions): void {
  const what = `${type.plural}/${name}`
  if (!current.metadata.annotations?.[LAST_APPLIED_ANNOTATION]) {
    onWarning(
      `resource ${what} is missing the ${LAST_APPLIED_ANNOTATION} annotation which is required by davit apply. davit apply should only be used on resources created declaratively by either davit create --save-config or davit apply. The missing annotation will be patched automatically.`,
    )
  }
  if (current.metadata.deletionTimestamp) onWarning(`Detected changes to resource ${what} which is currently being deleted.`)
}

async function getOrUndefined(session: Session, place: Place, source: string): Promise<AnyObject | undefined> {
  try {
    return await session.api.get(place.type, place)
  } catch (err) {
    if (isReason(err, 'NotFound')) return undefined
    return withSource('retrieving current configuration of', source)(err)
  }
}

async function applyOnServer(session: Session, place: Place, object: AnyObject, options: ApplyOptions): Promise<AnyObject> {
  const { dryRun, fieldManager = 'kubectl', forceConflicts = false, validation = 'Strict' } = options
  const query = { fieldManager, fieldValidation: validation, force: forceConflicts, ...(dryRun === 'server' && { dryRun: 'All' }) }
  return session.api.patch(place.type, place, { type: 'apply', body: object }, { query })
}

async function replaceByForce(session: Session, place: Place, wanted: AnyObject): Promise<AnyObject> {
  await session.api.delete(place.type, place, { body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 } })
  for (;;) {
    try {
      return await session.api.create(place.type, place.namespace ? { namespace: place.namespace } : {}, wanted)
    } catch (err) {
      if (!isReason(err, 'AlreadyExists')) throw err
      // Still going; what watches it tells us when it is gone.
      await goneOf(session, place)
    }
  }
}

async function goneOf(session: Session, place: Place): Promise<void> {
  const current = await getOrUndefined(session, place, place.name)
  const resourceVersion = current?.metadata.resourceVersion
  if (!current) return
  const query = { fieldSelector: `metadata.name=${place.name}`, ...(resourceVersion && { resourceVersion }) }
  for await (const { type } of session.api.watch(place.type, { namespace: place.namespace }, { query })) if (type === 'DELETED') return
}

function inNamespace(object: AnyObject, namespace: string | undefined): AnyObject {
  return namespace ? { ...object, metadata: { ...object.metadata, namespace } } : object
}

/** Names the manifest in a failure, keeping its reason and causes. */
export function withSource(verb: string, source: string): (err: unknown) => never {
  return err => {
    if (err instanceof ApiError)
      throw new ApiError({ ...err.status, message: `error when ${verb} "${source}": ${err.message}` }, { cause: err.cause })
    throw err
  }
}
