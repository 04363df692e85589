/**
 * The contract of the registry: what the API does to an object, below HTTP and above storage. The HTTP routes and the
 * in-process client are two thin shells over it, so that a controller and `kubectl` get the same answers.
 */
import type { Kind, KubernetesObject, ListOptions, Patch, Target } from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { ListResult, StorageEvent, Stored } from '../../storage/types.ts'

export interface User {
  readonly name: string
  readonly groups: readonly string[]
  /** Identity in time, where the user has one. */
  readonly uid?: string
  /** What else is known, as reviews tell it. */
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What a ServiceAccount token says; times in seconds since the epoch. */
export interface TokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly jti: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: { readonly name: string; readonly uid: string }
    /** The object the token is bound to, or of a pod's the node, too. */
    readonly pod?: { readonly name: string; readonly uid: string }
    readonly secret?: { readonly name: string; readonly uid: string }
    readonly node?: { readonly name: string; readonly uid?: string }
    /** The client should long have had a new one; the token is still good. */
    readonly warnafter?: number
  }
}

export interface TokenSigner {
  readonly issuer: string
  /** The API server's own; tokens that are asked for nobody are for these. */
  readonly audiences: readonly string[]
  /** Signs as they are. */
  sign(claims: TokenClaims): Promise<string>
}

/** Who asks, and how a write is to be done. */
export interface RequestContext {
  readonly user: User
  readonly signal?: AbortSignal
  /** Awaited right before a write goes to the storage; rejects when the client has left meanwhile: it may have done otherwise since. */
  readonly confirm?: () => Promise<void>
  readonly dryRun?: boolean
  /** Who is to own the fields that the write sets. */
  readonly fieldManager?: string
  /** Of an apply: takes fields from whoever owns them. */
  readonly force?: boolean
  /** Of an apply: rejects when the user may not create the object, which is asked when there is none yet. */
  readonly mayCreate?: () => Promise<void>
  /** Default `Warn`, as the API server has it. */
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict'
  /** Paths of fields that the body has more than once; judged as `fieldValidation` says. */
  readonly duplicateFields?: readonly string[]
  /** Collects what goes into `Warning` headers. */
  readonly warnings?: string[]
  /** Takes what a webhook wants remembered of the request. */
  readonly audit?: (key: string, value: string) => void
  /** The kind the client speaks, where it is a view of the one that is written. */
  readonly spoken?: Kind
}

/** Judges writes that depend on what else their user may do. */
export interface AccessGuard {
  /** For a role or a binding that is made or changed. Throws Forbidden when it gives rights that its user does not hold. */
  mayGrant(change: { context: RequestContext; kind: Kind; object: KubernetesObject; old?: KubernetesObject }): Promise<void>
  /** Whether the user may decide on, or sign, certificate requests for the signer, or say whom to trust for it. */
  maySign(user: User, verb: 'approve' | 'sign' | 'attest', signerName: string): Promise<boolean>
  may(user: User, question: AccessQuestion): Promise<boolean>
}

/** What somebody may or may not do; `*` is everything. */
export interface AccessQuestion {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly namespace?: string
  readonly name?: string
}

/** DeleteOptions as they come on the wire, body and query put together. */
export interface DeletionRequest {
  gracePeriodSeconds?: number
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  preconditions?: { uid?: string; resourceVersion?: string }
}

export interface WatchParameters {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  resourceVersion?: string
  allowWatchBookmarks?: boolean
  sendInitialEvents?: boolean
  /** Called when the watch ends because its events were not taken in time, also while nobody asks for the next. */
  onDropped?: () => void
}

/** What a client asks of a stream, as an object: v1 PodExecOptions and the like. */
export interface ConnectOptions {
  readonly apiVersion: 'v1'
  readonly kind: string
  readonly [field: string]: unknown
}

/** Every failure is an ApiError. Bodies are as parsed from the wire: unchecked. */
export interface Registry {
  /** Every kind served. */
  readonly kinds: KindRegistry
  get(context: RequestContext, kind: Kind, target: Target, options?: { resourceVersion?: string }): Promise<Stored>
  list(context: RequestContext, kind: Kind, options: ListOptions): Promise<ListResult>
  watch(context: RequestContext, kind: Kind, parameters: WatchParameters): AsyncIterable<StorageEvent[]>
  create(context: RequestContext, kind: Kind, namespace: string | undefined, body: unknown): Promise<Stored>
  /** `subresource`: `status`, or `scale` (body and answer are autoscaling/v1 Scale), or absent. */
  update(context: RequestContext, kind: Kind, target: Target, body: unknown, subresource?: string): Promise<Stored>
  /** An apply creates what is not there yet. */
  patch(context: RequestContext, kind: Kind, target: Target, patch: Patch, subresource?: string): Promise<Stored & { created?: boolean }>
  getScale(context: RequestContext, kind: Kind, target: Target): Promise<KubernetesObject>
  /** What the deleted (or now terminating) object was. */
  delete(context: RequestContext, kind: Kind, target: Target, request: DeletionRequest): Promise<{ object: Stored; gone: boolean }>
  deleteCollection(context: RequestContext, kind: Kind, options: ListOptions, request: DeletionRequest): Promise<Stored[]>
  /** POST to `binding` or `eviction` of a pod, or to `token` of a ServiceAccount; gives the answer's body. */
  post(context: RequestContext, kind: Kind, target: Target, subresource: string, body: unknown): Promise<object>
  /** Resolves when nothing has anything against a stream to `subresource` (exec, attach, portforward, proxy) with these options. */
  connect(context: RequestContext, kind: Kind, target: Target, subresource: string, options: ConnectOptions): Promise<void>
}
