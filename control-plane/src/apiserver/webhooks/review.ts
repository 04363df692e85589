/** AdmissionReview: the question, and what counts as an answer to it. Pure. */
import { randomUUID } from 'node:crypto'
import type { KubernetesObject, Status } from '@davit/api'
import type { AdmissionRequest, AdmissionResponse, Form, GroupVersionKind, GroupVersionResource, Reviewed } from './types.ts'

const GROUP = 'admission.k8s.io'

/** The question as it goes to one webhook, in the form that its rules match. */
export function requestFor(request: Reviewed, form: Form): AdmissionRequest {
  const { context, operation, name, namespace, subresource, old, options } = request
  const { user } = context
  const [asked] = request.forms
  const object = request.object()
  return {
    uid: randomUUID(),
    kind: kindOf(form),
    resource: resourceOf(form),
    ...(subresource !== undefined && { subResource: subresource }),
    requestKind: kindOf(asked),
    requestResource: resourceOf(asked),
    ...(subresource !== undefined && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace !== undefined && { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid !== undefined && { uid: user.uid }),
      groups: user.groups,
      ...(user.extra && { extra: user.extra }),
    },
    object: object ? form.show(withVersionOf(object, old)) : null,
    oldObject: old ? form.show(old) : null,
    dryRun: context.dryRun ?? false,
    options: options ?? null,
  }
}

/** The new object stands on the old one: whoever sees it sees where. */
function withVersionOf(object: KubernetesObject, old: KubernetesObject | undefined): KubernetesObject {
  const resourceVersion = old?.metadata?.resourceVersion
  return resourceVersion === undefined ? object : { ...object, metadata: { ...object.metadata, resourceVersion } }
}

function kindOf({ kind, type }: Form): GroupVersionKind {
  const of = type ?? kind
  return { group: of.group, version: of.version, kind: of.kind }
}

function resourceOf({ kind }: Form): GroupVersionResource {
  return { group: kind.group, version: kind.version, resource: kind.plural }
}

/** The version of AdmissionReview to speak: the first of those a webhook understands that is spoken here. */
export function reviewVersion(versions: readonly string[] = []): string | undefined {
  return versions.find(version => version === 'v1' || version === 'v1beta1')
}

export function reviewOf(request: AdmissionRequest, version: string): object {
  return { kind: 'AdmissionReview', apiVersion: `${GROUP}/${version}`, request }
}

/** What a webhook answered. Throws Error, in Kubernetes' words, when that is no answer to the question `uid`. */
export function readResponse(answer: unknown, question: { uid: string; version: string; isMutating: boolean }): AdmissionResponse {
  const { uid, version, isMutating } = question
  const { apiVersion, kind, response } = (isObject(answer) ? answer : {}) as { apiVersion?: unknown; kind?: unknown; response?: unknown }
  if (!isObject(response)) throw new Error('webhook response was absent')
  const { uid: answered, allowed, patch, patchType, status, warnings, auditAnnotations } = response
  if (version === 'v1') {
    const wanted = `${GROUP}/v1, Kind=AdmissionReview`
    const given = `${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}`
    if (given !== wanted) throw new Error(`expected webhook response of ${wanted}, got ${given}`)
    if (answered !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered ?? '')}`)
    checkPatch({ patch, patchType, isMutating })
  }
  if (patch !== undefined && patch !== null && typeof patch !== 'string') throw new Error('webhook response.patch is not base64')
  return {
    allowed: allowed === true,
    ...(isObject(status) && { status: status as Partial<Status> }),
    ...(isMutating && typeof patch === 'string' && patch !== '' && { patch }),
    ...(Array.isArray(warnings) && { warnings: warnings.filter(text => typeof text === 'string') }),
    ...(isObject(auditAnnotations) && { auditAnnotations: auditAnnotations as Record<string, string> }),
  }
}

function checkPatch({ patch, patchType, isMutating }: { patch: unknown; patchType: unknown; isMutating: boolean }): void {
  const hasPatch = patch !== undefined && patch !== null && patch !== ''
  const hasType = patchType !== undefined && patchType !== null
  if (!isMutating) {
    if (hasPatch) throw new Error('validating webhook may not return response.patch')
    if (hasType) throw new Error('validating webhook may not return response.patchType')
    return
  }
  if (hasPatch && !hasType) throw new Error('webhook returned response.patch but not response.patchType')
  if (!hasPatch && hasType) throw new Error('webhook returned response.patchType but not response.patch')
  if (hasType && patchType !== 'JSONPatch') throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
