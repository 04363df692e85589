/** Asks one webhook: who it is, how long it may take, and what its answer means. */
import type { Webhook } from '@davit/api'
import { WebhookClient } from './client.ts'
import { CallFailed } from './refusals.ts'
import { readResponse, requestFor, reviewOf, reviewVersion } from './review.ts'
import type { AdmissionResponse, DialService, Form, Reviewed } from './types.ts'

const DEFAULT_SECONDS = 10

export interface Call {
  readonly webhook: Webhook
  readonly form: Form
  readonly request: Reviewed
  readonly isMutating: boolean
}

export class Caller {
  readonly #client = new WebhookClient()

  /** Throws CallFailed when there is no answer to be had, and what the request's own signal aborts with. */
  async ask({ webhook, form, request, isMutating }: Call, dialService: DialService): Promise<AdmissionResponse> {
    const name = webhook.name ?? ''
    const seconds = webhook.timeoutSeconds ?? DEFAULT_SECONDS
    const version = reviewVersion(webhook.admissionReviewVersions)
    if (version === undefined) throw new CallFailed(name, 'webhook does not accept known AdmissionReview versions (v1, v1beta1)')
    const question = requestFor(request, form)
    const { signal } = request.context
    let answer: unknown
    try {
      const { clientConfig = {} } = webhook
      answer = await this.#client.ask({ clientConfig, body: reviewOf(question, version), seconds, signal }, dialService)
    } catch (error) {
      if (signal?.aborted) throw error
      throw new CallFailed(name, `failed to call webhook: ${(error as Error).message}`)
    }
    try {
      return readResponse(answer, { uid: question.uid, version, isMutating })
    } catch (error) {
      throw new CallFailed(name, `received invalid webhook response: ${(error as Error).message}`)
    }
  }
}
