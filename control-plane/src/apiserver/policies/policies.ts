/** ValidatingAdmissionPolicies: which of them are about a request, and what comes of what they find. */
import {
  ApiError,
  type CompiledPolicy,
  compilePolicy,
  forbidden,
  type ResourceName,
  type Status,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
} from '@davit/api'
import { celOf } from '@davit/api/cel'
import { type Facts, type Form, factsOf, type Reviewed, refusedUnjudged, requestFor, type WebhookTransport } from '../webhooks/index.ts'
import { type Complaint, evaluate } from './evaluate.ts'
import { matchedForm } from './matching.ts'
import { namespaceOf } from './namespace.ts'
import { type ParamsOptions, paramsOf } from './params.ts'

/** Nobody is judged for objects of this group, or a policy could not be taken away again. */
export const EXEMPT_GROUP = 'admissionregistration.k8s.io'
const CODES: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413 }
/** A policy may not fill a client's headers. */
const WARNINGS_MAX = 50
const FAILURE_KEY = 'validation.policy.admission.k8s.io/validation_failure'

export interface PoliciesOptions extends ParamsOptions {
  /** Undefined before the server serves: what it writes then nobody judges. */
  readonly transport: () => WebhookTransport | undefined
}

interface Bound {
  readonly policy: ValidatingAdmissionPolicy
  readonly binding: ValidatingAdmissionPolicyBinding
}

interface Denial {
  readonly form: Form
  readonly bound: Bound
  readonly complaint: Complaint
}

export class Policies {
  readonly #options: PoliciesOptions
  /** By the specification, which is another object when it changes. */
  readonly #compiled = new WeakMap<object, CompiledPolicy>()

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /** Throws what the first policy refuses the request with. `review` is called only when there is any to ask. */
  async validate({ group }: ResourceName, review: () => Reviewed): Promise<void> {
    const transport = group === EXEMPT_GROUP ? undefined : this.#options.transport()
    if (!transport) return
    const bindings = await this.#options.lookups.all(validatingAdmissionPolicyBindingKind)
    if (bindings.length === 0) return
    const policies = new Map((await this.#options.lookups.all(validatingAdmissionPolicyKind)).map(each => [each.metadata.name, each]))
    const request = review()
    const denials: Denial[] = []
    for (const binding of bindings.toSorted(byName)) {
      const policy = policies.get(binding.spec?.policyName)
      if (policy) denials.push(...(await this.#judge({ policy, binding }, request, transport)))
    }
    const [first] = denials
    if (first) throw refusal(first, request)
  }

  async #judge(bound: Bound, request: Reviewed, { authorize }: WebhookTransport): Promise<Denial[]> {
    const { policy, binding } = bound
    const { lookups } = this.#options
    const { spec = {} } = policy
    const form = await matchedForm(spec.matchConstraints ?? {}, request, lookups)
    if (!form) return []
    const { matchResources, validationActions = [] } = binding.spec ?? {}
    if (matchResources && !(await matchedForm(matchResources, request, lookups))) return []
    const isLenient = spec.failurePolicy === 'Ignore'
    const denial = (complaint: Complaint): Denial => ({ form, bound, complaint })
    let params: Awaited<ReturnType<typeof paramsOf>>
    try {
      params = await paramsOf(policy, binding, request, this.#options)
    } catch (error) {
      // Whatever the binding's actions are: it is not known what would be found.
      return isLenient ? [] : [denial({ message: (error as Error).message, reason: 'Invalid' })]
    }
    const common = factsOf(request, requestFor(request, form), authorize)
    const namespaceObject = celOf(await namespaceOf(lookups, request)) ?? null
    const denials: Denial[] = []
    for (const param of params) {
      const facts: Facts = { ...common, variables: { ...common.variables, namespaceObject, params: param ? celOf(param) : null } }
      const findings = await evaluate(this.#compile(spec), facts, isLenient)
      if (!findings) continue
      for (const [key, value] of Object.entries(findings.annotations)) request.context.audit?.(`${policy.metadata.name}/${key}`, value)
      for (const complaint of findings.complaints) {
        if (validationActions.includes('Deny')) denials.push(denial(complaint))
        if (validationActions.includes('Warn')) warn(request, bound, complaint)
        if (validationActions.includes('Audit')) note(request, bound, complaint)
      }
    }
    return denials
  }

  #compile(spec: NonNullable<ValidatingAdmissionPolicy['spec']>): CompiledPolicy {
    const known = this.#compiled.get(spec)
    if (known) return known
    const { policy } = compilePolicy(spec)
    this.#compiled.set(spec, policy)
    return policy
  }
}

function byName(a: ValidatingAdmissionPolicyBinding, b: ValidatingAdmissionPolicyBinding): number {
  const key = ({ metadata, spec }: ValidatingAdmissionPolicyBinding) => `${spec?.policyName}/${metadata.name}`
  return key(a) < key(b) ? -1 : 1
}

function refusal({ form, bound: { policy, binding }, complaint: { message, reason } }: Denial, { name }: Reviewed): ApiError {
  const by = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request`
  const text = `${by}: ${message}`
  const { status } = forbidden(form.kind, name, text)
  const causes = [...(status.details?.causes ?? []), { message: text }]
  const refused: Status = { ...status, reason, code: CODES[reason] ?? 422, details: { ...status.details, causes } }
  return refusedUnjudged(new ApiError(refused))
}

function warn({ context: { warnings } }: Reviewed, { policy, binding }: Bound, { message }: Complaint): void {
  const by = `Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`
  const text = `${by}: ${message}`
  if (warnings && warnings.length < WARNINGS_MAX && !warnings.includes(text)) warnings.push(text)
}

function note({ context }: Reviewed, { policy, binding }: Bound, { message, index }: Complaint): void {
  const failure = {
    message,
    policy: policy.metadata.name,
    binding: binding.metadata.name,
    expressionIndex: index ?? 0,
    validationActions: binding.spec?.validationActions,
  }
  context.audit?.(FAILURE_KEY, JSON.stringify([failure]))
}
