/** What is asked of webhooks, and what they answer: admission.k8s.io/v1 on the wire. */
import type { Duplex } from 'node:stream'
import type { Kind, KubernetesObject, Status, Target, Webhook } from '@davit/api'
import type { Question, Verdict } from '@davit/api/cel'
import type { ServicePort } from '../dial/index.ts'
import type { RequestContext, User } from '../registry/types.ts'

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** How the object of a request looks to those who know it by another group or version. */
export interface Form {
  readonly kind: Pick<Kind, 'group' | 'version' | 'kind' | 'plural'>
  /** What is sent as the object, where the subresource's is of another kind: a Scale, PodExecOptions. */
  readonly type?: Pick<Kind, 'group' | 'version' | 'kind'>
  show(object: KubernetesObject): object
}

/** A request on its way through admission. */
export interface Reviewed {
  readonly context: RequestContext
  readonly operation: AdmissionOperation
  readonly namespaced: boolean
  readonly name: string
  readonly namespace?: string | undefined
  readonly subresource?: string | undefined
  /** The first is the one that the client speaks. */
  readonly forms: readonly [Form, ...Form[]]
  /** As it is to be now; absent for DELETE. */
  object(): KubernetesObject | undefined
  readonly old?: KubernetesObject | undefined
  /** As the client gave them, on the wire. */
  readonly options?: object
}

/** One that may also be changed. */
export interface Changeable extends Reviewed {
  /** Takes over what a webhook made of the object in that form. Throws ApiError when it is none. */
  accept(changed: unknown, form: Form): void
}

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

export interface GroupVersionResource {
  readonly group: string
  readonly version: string
  readonly resource: string
}

export interface AdmissionRequest {
  readonly uid: string
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
  readonly subResource?: string
  readonly requestKind: GroupVersionKind
  readonly requestResource: GroupVersionResource
  readonly requestSubResource?: string
  readonly name?: string
  readonly namespace?: string
  readonly operation: AdmissionOperation
  readonly userInfo: object
  readonly object: object | null
  readonly oldObject: object | null
  readonly dryRun: boolean
  readonly options: object | null
}

export interface AdmissionResponse {
  readonly allowed: boolean
  readonly status?: Partial<Status>
  readonly patch?: string
  readonly warnings?: readonly string[]
  readonly auditAnnotations?: Readonly<Record<string, string>>
}

/** Whether the user may do what an expression asks about. */
export type Authorize = (user: User, question: Question) => Promise<Verdict>

/** Opens a connection to a ready endpoint of a Service. Throws ApiError when there is no way to one. */
export type DialService = (service: ServicePort, signal: AbortSignal) => Promise<Duplex>

/** How webhooks are reached from this process. */
export interface WebhookTransport {
  readonly dialService: DialService
  /** For expressions that ask; without it they cannot be evaluated. */
  readonly authorize?: Authorize
}

/** What webhooks need to know of the cluster, from the cache. */
export interface ClusterLookups {
  find<T extends KubernetesObject>(kind: Kind<T>, target: Target, signal?: AbortSignal): Promise<T | undefined>
  all<T extends KubernetesObject>(kind: Kind<T>, namespace?: string): Promise<T[]>
}

/** A webhook, and the form in which a request matches its rules. */
export interface Matched<W extends Webhook = Webhook> {
  readonly webhook: W
  readonly form: Form
}
