/**
 * The one client of the API that controllers, agents and the CLI use. Two transports stand behind it: HTTPS
 * (`connectHttp`) and, inside the control plane, a direct path to the registry. Objects it hands out are shared and frozen or
 * must be treated so: copy before changing.
 */
import type { Kind } from '../kind.ts'
import type { KubernetesList, KubernetesObject } from '../meta.ts'

export interface Target {
  name: string
  /** Left out for cluster-scoped kinds. */
  namespace?: string
}

export interface CallOptions {
  signal?: AbortSignal
}

export interface GetOptions extends CallOptions {
  /** Empty: as fresh as a linearizable read. `0`: from the cache at once. */
  resourceVersion?: string
}

export interface ListOptions extends CallOptions {
  /** Left out: all namespaces, or a cluster-scoped kind. */
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  limit?: number
  continue?: string
  resourceVersion?: string
  resourceVersionMatch?: 'Exact' | 'NotOlderThan'
}

export interface WatchOptions extends CallOptions {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  /** Events after this version; left out: the present state as ADDED first. */
  resourceVersion?: string
  allowWatchBookmarks?: boolean
  timeoutSeconds?: number
}

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Only `metadata.resourceVersion` is filled in. */
  | { type: 'BOOKMARK'; object: KubernetesObject }

export interface WriteOptions extends CallOptions {
  dryRun?: boolean
  fieldManager?: string
  /** Of an apply: takes fields from whoever owns them. */
  force?: boolean
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict'
  /** `status`, `scale`, … ; left out: the object itself. */
  subresource?: string
}

export interface DeleteOptions extends CallOptions {
  gracePeriodSeconds?: number
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  preconditions?: { uid?: string; resourceVersion?: string }
  dryRun?: boolean
}

export type Patch =
  | { type: 'json'; body: readonly JsonPatchOperation[] }
  | { type: 'merge'; body: unknown }
  | { type: 'strategic'; body: unknown }
  /** Server-side apply; wants `fieldManager`, and creates what is not there. */
  | { type: 'apply'; body: unknown }

/** RFC 6902. */
export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  path: string
  from?: string
  value?: unknown
}

/** Calls on one kind. Every failure is an `ApiError`, or the signal's reason when it aborted. */
export interface ResourceClient<T extends KubernetesObject> {
  get(target: Target, options?: GetOptions): Promise<T>
  list(options?: ListOptions): Promise<KubernetesList<T>>
  /** Ends when the server ends the watch; throws `Expired` when the version is too old. */
  watch(options?: WatchOptions): AsyncIterable<WatchEvent<T>>
  /** The namespace is the object's own. */
  create(object: T, options?: WriteOptions): Promise<T>
  /** With a resourceVersion in the object: fails with Conflict when it is not the stored one. */
  update(object: T, options?: WriteOptions): Promise<T>
  patch(target: Target, patch: Patch, options?: WriteOptions): Promise<T>
  /** Resolves when the deletion is accepted, which for a pod is before it is gone. */
  delete(target: Target, options?: DeleteOptions): Promise<void>
  deleteCollection(list: ListOptions, options?: DeleteOptions): Promise<void>
  /** POST to a subresource such as `binding` or `eviction`; gives what the server answers. */
  post(target: Target, subresource: string, body: object, options?: CallOptions): Promise<unknown>
}

export interface Client {
  resource<T extends KubernetesObject>(kind: Kind<T>): ResourceClient<T>
}
