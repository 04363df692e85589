/** The objects that a binding gives its policy to judge by. */
import {
  apiVersionOf,
  type Kind,
  type KubernetesObject,
  type MutatingAdmissionPolicy,
  type MutatingAdmissionPolicyBinding,
  selectorFromLabelSelector,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
} from '@davit/api'
import type { ClusterLookups, Reviewed } from '../webhooks/index.ts'

export interface ParamsOptions {
  readonly lookups: ClusterLookups
  readonly kinds: () => readonly Kind[]
}

/** Each is judged by alone; undefined for a policy that has none. Throws Error, in Kubernetes' words, when they cannot be had. */
export async function paramsOf(
  { spec: { paramKind } = {} }: ValidatingAdmissionPolicy | MutatingAdmissionPolicy,
  { spec: { paramRef } = {} }: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding,
  request: Reviewed,
  { lookups, kinds }: ParamsOptions,
): Promise<readonly (KubernetesObject | undefined)[]> {
  if (!paramKind) return [undefined]
  const { apiVersion = '', kind: name = '' } = paramKind
  const kind = kinds().find(each => !each.view && each.kind === name && apiVersionOf(each) === apiVersion)
  if (!kind) {
    throw new Error(`failed to configure policy: failed to find resource referenced by paramKind: '${apiVersion}, Kind=${name}'`)
  }
  if (!paramRef) return [undefined]
  if (!kind.namespaced && paramRef.namespace) {
    throw new Error('failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
  }
  const namespace = kind.namespaced ? paramRef.namespace || request.namespace : undefined
  if (kind.namespaced && !namespace) {
    throw new Error('failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources')
  }
  const found = await select(kind, paramRef, namespace)
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
    throw new Error('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction')
  }
  return found

  async function select(of: Kind, { name: wanted, selector }: { name?: string; selector?: object }, within: string | undefined) {
    if (wanted) {
      const param = await lookups.find(of, { name: wanted, ...(within !== undefined && { namespace: within }) }, request.context.signal)
      return param ? [param] : []
    }
    const chosen = selectorFromLabelSelector(selector)
    return (await lookups.all(of, within)).filter(({ metadata }) => chosen.matches(metadata.labels))
  }
}
