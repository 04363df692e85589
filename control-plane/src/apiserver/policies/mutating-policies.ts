/** MutatingAdmissionPolicies: which of them are about a request, in which order, and what comes of them. */
import { isDeepStrictEqual } from 'node:util'
import {
  ApiError,
  type CompiledMutatingPolicy,
  compileMutatingPolicy,
  forbidden,
  type Kind,
  type KubernetesObject,
  type MutatingAdmissionPolicy,
  type MutatingAdmissionPolicyBinding,
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  type ResourceName,
} from '@davit/api'
import { celOf } from '@davit/api/cel'
import {
  type Changeable,
  doHold,
  type Facts,
  type Form,
  factsOf,
  internalError,
  refusedUnjudged,
  requestFor,
  type WebhookTransport,
} from '../webhooks/index.ts'
import { matchedForm } from './matching.ts'
import { mutated } from './mutation.ts'
import { namespaceOf } from './namespace.ts'
import { paramsOf } from './params.ts'
import { EXEMPT_GROUP, type PoliciesOptions } from './policies.ts'

/** One policy, for one binding and one parameter. */
interface Invocation {
  readonly policy: MutatingAdmissionPolicy
  readonly binding: MutatingAdmissionPolicyBinding
  readonly form: Form
  readonly param: KubernetesObject | undefined
}

interface Trouble {
  readonly by: Pick<Invocation, 'policy' | 'binding'>
  readonly form: Form
  readonly message: string
}

/** What was done, for those who come back to it. */
export interface Round {
  readonly isChanged: boolean
  /** Asks those again that want to be and have not seen the last change. Throws what they refuse with. */
  again(): Promise<void>
}

const NOTHING: Round = { isChanged: false, again: async () => {} }

export class MutatingPolicies {
  readonly #options: PoliciesOptions
  /** By the specification, which is another object when it changes. */
  readonly #compiled = new WeakMap<object, CompiledMutatingPolicy>()

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /** Lets every policy change the object, one after another. Throws what is wrong with the first that cannot and must. */
  async mutate({ group }: ResourceName, review: () => Changeable): Promise<Round> {
    const transport = group === EXEMPT_GROUP ? undefined : this.#options.transport()
    if (!transport) return NOTHING
    const bindings = await this.#options.lookups.all(mutatingAdmissionPolicyBindingKind)
    if (bindings.length === 0) return NOTHING
    const request = review()
    if (!request.object()) return NOTHING
    const troubles: Trouble[] = []
    const invocations = await this.#invocations(bindings, request, troubles)
    const asked: Invocation[] = []
    const outdated = new Set<Invocation>()
    let isChanged = false
    for (const invocation of invocations) {
      const outcome = await this.#invoke(invocation, request, transport, troubles)
      if (outcome === 'changed') {
        isChanged = true
        for (const each of asked) outdated.add(each)
      }
      if (outcome !== 'passed over' && invocation.policy.spec?.reinvocationPolicy === 'IfNeeded') asked.push(invocation)
    }
    refuse(troubles, request)
    const left = structuredClone(request.object())
    return {
      isChanged,
      again: async () => {
        const now = review()
        const isOutdated = !isDeepStrictEqual(left, now.object())
        for (const each of asked) {
          if (!isOutdated && !outdated.has(each)) continue
          // Forms are those of one review.
          const form = now.forms.find(({ kind }) => kind === each.form.kind) ?? now.forms[0]
          await this.#invoke({ ...each, form }, now, transport, troubles)
        }
        refuse(troubles, now)
      },
    }
  }

  async #invocations(bindings: readonly MutatingAdmissionPolicyBinding[], request: Changeable, troubles: Trouble[]): Promise<Invocation[]> {
    const { lookups } = this.#options
    const policies = new Map((await lookups.all(mutatingAdmissionPolicyKind)).map(each => [each.metadata.name, each]))
    const found: Invocation[] = []
    for (const binding of bindings.toSorted(byName)) {
      const policy = policies.get(binding.spec?.policyName)
      const form = policy && (await matchedForm(policy.spec?.matchConstraints ?? {}, request, lookups))
      if (!form) continue
      const { matchResources } = binding.spec ?? {}
      if (matchResources && !(await matchedForm(matchResources, request, lookups))) continue
      try {
        for (const param of await paramsOf(policy, binding, request, this.#options)) found.push({ policy, binding, form, param })
      } catch (error) {
        note(troubles, { by: { policy, binding }, form, message: (error as Error).message })
      }
    }
    return found
  }

  async #invoke(
    invocation: Invocation,
    request: Changeable,
    { authorize }: WebhookTransport,
    troubles: Trouble[],
  ): Promise<'passed over' | 'unchanged' | 'changed'> {
    const { policy, form, param } = invocation
    const compiled = this.#compile(policy.spec ?? {})
    const namespaceObject = celOf(await namespaceOf(this.#options.lookups, request)) ?? null
    const seen = (): { facts: Facts; shown: object } => {
      const question = requestFor(request, form)
      const common = factsOf(request, question, authorize)
      const variables = { ...common.variables, namespaceObject, params: param ? celOf(param) : null }
      return { facts: { ...common, variables }, shown: question.object ?? {} }
    }
    const failed = (error: unknown) => note(troubles, { by: invocation, form, message: (error as Error).message })
    try {
      if (!(await doHold(compiled.conditions, seen().facts))) return 'passed over'
    } catch (error) {
      failed(error)
      return 'passed over'
    }
    const before = structuredClone(request.object())
    for (const mutation of compiled.mutations) {
      let changed: unknown
      try {
        changed = await mutated(compiled, mutation, { ...seen(), kind: this.#kindOf(form) })
      } catch (error) {
        failed(error)
        continue
      }
      try {
        request.accept(changed, form)
      } catch (error) {
        throw internalError(error as Error)
      }
    }
    return isDeepStrictEqual(before, request.object()) ? 'unchanged' : 'changed'
  }

  #compile(spec: NonNullable<MutatingAdmissionPolicy['spec']>): CompiledMutatingPolicy {
    const known = this.#compiled.get(spec)
    if (known) return known
    const { policy } = compileMutatingPolicy(spec)
    this.#compiled.set(spec, policy)
    return policy
  }

  /** Undefined for what is of no kind that is stored, such as a Scale. */
  #kindOf({ kind, type = kind }: Form): Kind | undefined {
    return this.#options.kinds().find(each => each.kind === type.kind && each.group === type.group && each.version === type.version)
  }
}

function byName(a: MutatingAdmissionPolicyBinding, b: MutatingAdmissionPolicyBinding): number {
  const key = ({ metadata, spec }: MutatingAdmissionPolicyBinding) => `${spec?.policyName}/${metadata.name}`
  return key(a) < key(b) ? -1 : 1
}

/** Keeps what is wrong, where that matters. */
function note(troubles: Trouble[], trouble: Trouble): void {
  if (trouble.by.policy.spec?.failurePolicy !== 'Ignore') troubles.push(trouble)
}

/** Throws the first of them, with all as causes. */
function refuse(troubles: readonly Trouble[], { name }: Changeable): void {
  const [first] = troubles
  if (!first) return
  const words = ({ by: { policy, binding }, message }: Trouble) =>
    `policy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${message}`
  const { status } = forbidden(first.form.kind, name, words(first))
  const causes = [...(status.details?.causes ?? []), ...troubles.map(each => ({ message: words(each) }))]
  const details = { ...status.details, causes }
  // With the code of Forbidden all the same, as Kubernetes has it.
  throw refusedUnjudged(new ApiError({ ...status, message: words(first), reason: 'Invalid', details }))
}
