import { isDeepStrictEqual } from 'node:util'
import {
  apiVersionOf,
  GROUPS,
  invalid,
  type MutatingAdmissionPolicy,
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
} from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import type { Resources } from '../resources.ts'
import type { AccessGuard, AccessQuestion } from '../types.ts'
import type { Lookups } from './lookups.ts'
import type { Admission, AdmissionRule } from './rule.ts'

export interface ParamRightsParts {
  readonly guard: AccessGuard | undefined
  readonly resources: Pick<Resources, 'kinds'>
  readonly lookups: Pick<Lookups, 'find'>
}

/** Policies and their bindings; what both have of parameters is alike. */
const FAMILIES = [
  { policies: validatingAdmissionPolicyKind, bindings: validatingAdmissionPolicyBindingKind },
  { policies: mutatingAdmissionPolicyKind, bindings: mutatingAdmissionPolicyBindingKind },
]

interface Asked {
  readonly question: AccessQuestion
  readonly field: 'spec.paramKind' | 'spec.paramRef'
  readonly why: string
}

/**
 * Who makes a policy go by objects must be able to read them: its messages and what it writes tell what is in its parameters, and the
 * cluster reads those for it, Secrets too.
 */
export function paramRights(parts: ParamRightsParts): AdmissionRule {
  return {
    resources: FAMILIES.flatMap(({ policies, bindings }) => [policies, bindings]).map(({ plural, group }) => `${plural}.${group}`),
    async judge(change) {
      const { kind, context, object, isPart } = change
      const { user } = context
      if (isPart || user.groups.includes(GROUPS.masters) || user.groups.includes(CONTROLLERS)) return
      const family = FAMILIES.find(({ bindings }) => bindings.plural === kind.plural)
      const asked = family ? await ofBinding(parts, change, family) : ofPolicy(parts, change)
      if (!asked || (await parts.guard?.may(user, asked.question))) return
      throw invalid(kind, object.metadata.name ?? '', [{ type: 'Forbidden', field: asked.field, detail: asked.why }])
    },
  }
}

function ofPolicy({ resources }: ParamRightsParts, { context: { user }, object, old }: Admission): Asked | undefined {
  const { paramKind } = (object as ValidatingAdmissionPolicy).spec ?? {}
  if (!paramKind || isDeepStrictEqual(paramKind, (old as ValidatingAdmissionPolicy | undefined)?.spec?.paramKind)) return undefined
  const { apiVersion, kind } = paramKind
  const all = `all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`
  return {
    question: { verb: 'get', ...resourceOf(resources, paramKind), namespace: '*', name: '*' },
    field: 'spec.paramKind',
    why: `user ${user.name} must have "get" permission on ${all}`,
  }
}

async function ofBinding(
  { resources, lookups }: ParamRightsParts,
  change: Admission,
  { policies }: Pick<(typeof FAMILIES)[number], 'policies'>,
): Promise<Asked | undefined> {
  const { user, signal } = change.context
  const { policyName = '', paramRef } = (change.object as ValidatingAdmissionPolicyBinding).spec ?? {}
  const before = (change.old as ValidatingAdmissionPolicyBinding | undefined)?.spec
  if (!paramRef || isDeepStrictEqual([policyName, paramRef], [before?.policyName, before?.paramRef])) return undefined
  const policy = await lookups.find<ValidatingAdmissionPolicy | MutatingAdmissionPolicy>(policies, { name: policyName }, signal)
  const { name, namespace } = paramRef
  const verb = name ? 'get' : 'list'
  return {
    question: { verb, ...resourceOf(resources, policy?.spec?.paramKind), ...(namespace && { namespace }), ...(name && { name }) },
    field: 'spec.paramRef',
    why: `user ${user.name} does not have "${verb}" permission on the object referenced by paramRef`,
  }
}

/** Of what nobody knows everything is asked for. */
function resourceOf({ kinds }: Pick<Resources, 'kinds'>, of: { apiVersion?: string; kind?: string } | undefined) {
  if (!of?.apiVersion) return { group: '*', resource: '*' }
  const slash = of.apiVersion.indexOf('/')
  const found = kinds.find(each => !each.view && each.kind === of.kind && apiVersionOf(each) === of.apiVersion)
  return { group: slash < 0 ? '' : of.apiVersion.slice(0, slash), resource: found?.plural ?? '*' }
}
