/** Writes as webhooks see them: in every version their rules may name, and with what they may change of them. */
import { decodeObject, type Kind, type KubernetesObject, type Scale, scaleKind, type Target } from '@davit/api'
import type { AdmissionOperation, Changeable, Form, Reviewed } from '../../webhooks/index.ts'
import type { Resources } from '../resources.ts'
import { scaleOf } from '../scale-of.ts'
import type { DeletionRequest, RequestContext } from '../types.ts'
import type { Admission } from './rule.ts'

const META = 'meta.k8s.io/v1'

/** A form in which an object comes back, too. */
interface ObjectForm extends Form {
  /** Throws ApiError when it is no such object. */
  read(raw: unknown): KubernetesObject
}

/** A create or an update. What a webhook changes goes into the admission's object, but for what is not the write's to change. */
export function reviewedWrite(resources: Resources, admission: Admission): Changeable {
  const { kind, context, object, old, subresource } = admission
  const forms = subresource === 'scale' ? scaleForms(kind, context) : formsOf(resources, kind, context)
  return {
    ...requestOf(kind, context, { name: object.metadata.name ?? '', namespace: object.metadata.namespace }),
    operation: old ? 'UPDATE' : 'CREATE',
    subresource,
    forms,
    old,
    options: writeOptions(old ? 'UpdateOptions' : 'CreateOptions', context),
    object: () => object,
    accept(changed, form) {
      const known = forms.find(each => each === form)
      if (subresource === 'scale') kind.scale?.setReplicas(object, (changed as Scale).spec?.replicas ?? 0)
      else if (known && 'read' in known) takeOver(admission, (known as ObjectForm).read(changed))
    },
  }
}

export function reviewedDeletion(
  resources: Resources,
  { kind, context, old, request }: { kind: Kind; context: RequestContext; old: KubernetesObject; request: DeletionRequest },
): Changeable {
  const options = { kind: 'DeleteOptions', apiVersion: META, ...(context.dryRun && { dryRun: ['All'] }), ...request }
  return {
    ...requestOf(kind, context, { name: old.metadata.name ?? '', namespace: old.metadata.namespace }),
    operation: 'DELETE',
    forms: formsOf(resources, kind, context),
    old,
    options,
    object: () => undefined,
    accept() {},
  }
}

/** What is sent to a subresource that is no part of the object: a Binding, an Eviction, the options of exec. */
export interface SubresourceCall {
  readonly kind: Kind
  readonly context: RequestContext
  readonly target: Target
  readonly subresource: string
  readonly operation: Extract<AdmissionOperation, 'CREATE' | 'CONNECT'>
  readonly type: Pick<Kind, 'group' | 'version' | 'kind'>
  /** As it came, unchecked. */
  readonly body: object
}

/** `accept` is told what a webhook made of the body. */
export function reviewedCall(call: SubresourceCall, accept: (body: object) => void): Changeable {
  const { kind, context, target, subresource, operation, type } = call
  let { body } = call
  const form: Form = { kind, type, show: object => object }
  return {
    ...requestOf(kind, context, target),
    operation,
    subresource,
    forms: [form],
    ...(operation === 'CREATE' && { options: writeOptions('CreateOptions', context) }),
    object: () => body as KubernetesObject,
    accept(changed) {
      if (typeof changed !== 'object' || changed === null) return
      body = changed
      accept(body)
    },
  }
}

function requestOf(kind: Kind, context: RequestContext, { name, namespace }: { name: string; namespace?: string | undefined }) {
  // A Namespace is judged inside itself.
  const own = kind.group === '' && kind.plural === 'namespaces' ? name : undefined
  const within = kind.namespaced ? namespace : own
  return { context, name, namespaced: kind.namespaced, ...(within !== undefined && { namespace: within }) } satisfies Partial<Reviewed>
}

function writeOptions(kind: string, { fieldManager, dryRun, force, fieldValidation }: RequestContext): object {
  return {
    kind,
    apiVersion: META,
    ...(dryRun && { dryRun: ['All'] }),
    ...(force && { force }),
    ...(fieldManager && { fieldManager }),
    ...(fieldValidation && { fieldValidation }),
  }
}

/** The client's own kind first, then whatever else shows the same objects, unless a webhook would have to be asked how. */
function formsOf(resources: Resources, kind: Kind, { spoken }: RequestContext): [Form, ...Form[]] {
  const isSame = ({ group, plural }: Pick<Kind, 'group' | 'plural'>) => group === kind.group && plural === kind.plural
  const all = resources.kinds.filter(each => (each.view ? isSame(each.view.of) : isSame(each) && !each.custom?.webhook))
  const first = spoken ?? kind
  return [formOf(first, kind), ...all.filter(each => each !== first).map(each => formOf(each, kind))]
}

/** How objects of the kind `written` look as `kind`. */
function formOf(kind: Kind, written: Kind): ObjectForm {
  // Every version of a user's kind is written as itself.
  const [custom, own] = kind === written ? [] : [kind.custom, written.custom]
  const { view } = kind
  return {
    kind,
    show: object => (view ? view.fromStored(object) : custom && own ? custom.fromStored(own.toStored(object)) : object),
    read(raw) {
      const { object } = decodeObject(kind, raw)
      kind.applyDefaults(object)
      if (view) return view.toStored(object)
      return custom && own ? own.fromStored(custom.toStored(object)) : object
    },
  }
}

function scaleForms(kind: Kind, { spoken }: RequestContext): [Form] {
  return [{ kind: spoken ?? kind, type: scaleKind, show: object => scaleOf(kind, object) }]
}

type Fields = Record<string, unknown>

/** Puts into the admission's object what the write may change: never who the object is, nor what another part is for. */
function takeOver({ kind, object, part, isPart }: Admission, changed: KubernetesObject): void {
  const target = object as unknown as Fields
  const source = changed as unknown as Fields
  if (isPart) {
    const field = part === 'status' || part === 'approval' ? 'status' : 'spec'
    if (source[field] === undefined) delete target[field]
    else target[field] = source[field]
    return
  }
  const keepsStatus = kind.subresources.includes('status')
  for (const field of Object.keys(target)) if (field !== 'metadata' && !(keepsStatus && field === 'status')) delete target[field]
  for (const [field, value] of Object.entries(source)) {
    if (field !== 'metadata' && !(keepsStatus && field === 'status')) target[field] = value
  }
  const { labels, annotations, finalizers, ownerReferences } = changed.metadata
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...identity } = object.metadata
  object.metadata = {
    ...identity,
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(ownerReferences?.length && { ownerReferences }),
    ...(finalizers?.length && { finalizers }),
  }
}
