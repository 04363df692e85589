/** The webhooks of a cluster: which are asked about a request, in which order, and what comes of their answers. */
import { isDeepStrictEqual } from 'node:util'
import {
  ApiError,
  apiError,
  applyJsonPatch,
  conditionEnvironment,
  forbidden,
  type JsonPatchOperation,
  type KubernetesObject,
  type Logger,
  type MutatingWebhook,
  mutatingWebhookConfigurationKind,
  type ResourceName,
  validatingWebhookConfigurationKind,
  type Webhook,
} from '@davit/api'
import { Caller } from './call.ts'
import { doHold, factsOf } from './conditions.ts'
import { matchingForm } from './match-rules.ts'
import { CallFailed, denial, internalError, refusedUnjudged } from './refusals.ts'
import { requestFor } from './review.ts'
import { isSelected } from './selectors.ts'
import type { AdmissionResponse, Changeable, ClusterLookups, Form, Matched, Reviewed, WebhookTransport } from './types.ts'

/** Objects of this group say who is asked: nobody is asked about them, or nobody could take them away again. */
const EXEMPT_GROUP = 'admissionregistration.k8s.io'
/** A webhook may not fill a client's headers. */
const WARNINGS_MAX = 50

export interface WebhooksOptions {
  readonly lookups: ClusterLookups
  /** Undefined while nothing outside can be reached yet: then nobody is asked. */
  readonly transport: () => WebhookTransport | undefined
  readonly log: Logger
}

/** A webhook with an order: by the name of its configuration, then as it stands there. */
interface Ordered<W> {
  readonly webhook: W
  readonly id: string
}

export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #caller = new Caller()

  constructor(options: WebhooksOptions) {
    this.#options = options
  }

  /**
   * Asks those that may change the object, one after another, each about what the ones before it left. When one has changed it, `again`
   * is called once, for the cluster's own rules to see the object as it is now; then those are asked again that want to be and have not
   * seen the last change. Throws what a webhook refuses with, or InternalError for one that must answer and does not. `review` is called
   * only when there is anybody to ask. With `wasChanged` somebody has changed the object before, which is no different from a webhook.
   */
  async mutate(kind: ResourceName, review: () => Changeable, again: () => Promise<void>, wasChanged = false): Promise<void> {
    const transport = this.#transportFor(kind)
    const hooks = transport ? await this.#mutating() : []
    if (!transport || hooks.length === 0) {
      if (wasChanged) await again()
      return
    }
    const request = review()
    const asked = new Map<string, MutatingWebhook>()
    const outdated = new Set<string>()
    const outdate = (but: string | undefined) => {
      for (const [id, { reinvocationPolicy }] of asked) if (id !== but && reinvocationPolicy === 'IfNeeded') outdated.add(id)
    }
    let isChanged = wasChanged
    for (const { webhook, id } of hooks) {
      const outcome = await this.#mutateBy(webhook, request, transport)
      if (outcome === 'changed') {
        isChanged = true
        outdate(id)
      }
      if (outcome !== 'passed over') asked.set(id, webhook)
    }
    if (!isChanged) return
    const before = structuredClone(request.object())
    await again()
    if (!isDeepStrictEqual(before, request.object())) outdate(undefined)
    for (const { webhook, id } of hooks) {
      if (outdated.has(id)) await this.#mutateBy(webhook, request, transport)
    }
  }

  /** Asks those that only judge, all at once. Throws what the first of them refuses with. */
  async validate(kind: ResourceName, review: () => Reviewed): Promise<void> {
    const transport = this.#transportFor(kind)
    if (!transport) return
    const hooks = await this.#validating()
    if (hooks.length === 0) return
    const request = review()
    const matched = await Promise.all(hooks.map(({ webhook }) => this.#match(webhook, request, transport)))
    const results = await Promise.allSettled(
      matched.map(async match => {
        if (!match) return
        const response = await this.#ask(match, request, transport, false)
        if (response && !response.allowed) throw denial(match.webhook.name ?? '', response.status)
      }),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  #transportFor({ group }: ResourceName): WebhookTransport | undefined {
    return group === EXEMPT_GROUP ? undefined : this.#options.transport()
  }

  async #mutating(): Promise<Ordered<MutatingWebhook>[]> {
    return ordered(await this.#options.lookups.all(mutatingWebhookConfigurationKind))
  }

  async #validating(): Promise<Ordered<Webhook>[]> {
    return ordered(await this.#options.lookups.all(validatingWebhookConfigurationKind))
  }

  async #mutateBy(webhook: Webhook, request: Changeable, transport: WebhookTransport): Promise<'passed over' | 'unchanged' | 'changed'> {
    const match = await this.#match(webhook, request, transport)
    if (!match) return 'passed over'
    const response = await this.#ask(match, request, transport, true)
    if (!response) return 'unchanged'
    if (!response.allowed) throw denial(webhook.name ?? '', response.status)
    const object = request.object()
    if (response.patch === undefined || !object) return 'unchanged'
    const before = structuredClone(object)
    try {
      request.accept(applyJsonPatch(shown(request, match.form), readPatch(response.patch)), match.form)
    } catch (error) {
      throw internalError(error instanceof Error ? error : new Error(String(error)))
    }
    return isDeepStrictEqual(before, request.object()) ? 'unchanged' : 'changed'
  }

  /** Undefined when the webhook is not asked about the request. Throws when nobody can tell and its failure policy is Fail. */
  async #match<W extends Webhook>(webhook: W, request: Reviewed, { authorize }: WebhookTransport): Promise<Matched<W> | undefined> {
    const form = matchingForm(webhook, request)
    if (!form) return undefined
    try {
      if (!(await isSelected(webhook, request, this.#options.lookups))) return undefined
    } catch (error) {
      throw error instanceof ApiError ? refusedUnjudged(error) : error
    }
    const { matchConditions = [], failurePolicy } = webhook
    if (matchConditions.length === 0) return { webhook, form }
    try {
      const conditions = matchConditions.map(({ name = '', expression = '' }) => ({
        name,
        expression: conditionEnvironment().compile(expression),
      }))
      return (await doHold(conditions, factsOf(request, requestFor(request, form), authorize))) ? { webhook, form } : undefined
    } catch (error) {
      this.#options.log.warn({ webhook: webhook.name, err: error, failurePolicy }, 'Match conditions of a webhook cannot be evaluated')
      if (failurePolicy === 'Ignore') return undefined
      throw refusedUnjudged(forbidden(form.kind, request.name, (error as Error).message))
    }
  }

  /** Undefined when there is no answer and there need be none. */
  async #ask(
    { webhook, form }: Matched,
    request: Reviewed,
    { dialService }: WebhookTransport,
    isMutating: boolean,
  ): Promise<AdmissionResponse | undefined> {
    const { name = '', sideEffects, failurePolicy } = webhook
    if (request.context.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
      throw refusedUnjudged(apiError('BadRequest', `admission webhook ${JSON.stringify(name)} does not support dry run`))
    }
    try {
      const response = await this.#caller.ask({ webhook, form, request, isMutating }, dialService)
      this.#tell(name, response, request)
      return response
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error
      this.#options.log.warn({ webhook: name, err: error, failurePolicy }, 'A webhook did not answer')
      if (failurePolicy === 'Ignore') return undefined
      throw internalError(error)
    }
  }

  #tell(name: string, { warnings = [], auditAnnotations }: AdmissionResponse, { context }: Reviewed): void {
    for (const warning of warnings.slice(0, WARNINGS_MAX)) {
      if (context.warnings && context.warnings.length < WARNINGS_MAX && !context.warnings.includes(warning)) context.warnings.push(warning)
    }
    for (const [key, value] of Object.entries(auditAnnotations ?? {})) context.audit?.(`${name}/${key}`, String(value))
  }
}

function shown(request: Changeable, form: Form): object {
  const object = request.object() as KubernetesObject
  return (requestFor(request, form).object ?? object) as object
}

/** Throws Error when it is no JSON patch. */
function readPatch(base64: string): JsonPatchOperation[] {
  const patch = JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as unknown
  if (!Array.isArray(patch)) throw new Error('json: cannot unmarshal the patch: a list of operations is wanted')
  return patch as JsonPatchOperation[]
}

function ordered<W extends Webhook>(configurations: readonly (KubernetesObject & { webhooks?: W[] })[]): Ordered<W>[] {
  const name = ({ metadata }: KubernetesObject) => metadata.name ?? ''
  return configurations
    .toSorted((a, b) => (name(a) < name(b) ? -1 : 1))
    .flatMap(configuration => (configuration.webhooks ?? []).map(webhook => ({ webhook, id: `${name(configuration)}/${webhook.name}` })))
}
