/** Asks one webhook: who it is, how long it may take, and what its answer means. */
import { deadlineSignal, isReason, type Webhook, type WebhookClientConfig } from '@davit/api'
import { connectTls, type ServicePort } from '../dial/index.ts'
import { postJson } from './post.ts'
import { CallFailed } from './refusals.ts'
import { readResponse, requestFor, reviewOf, reviewVersion } from './review.ts'
import { Slots } from './slots.ts'
import type { AdmissionRequest, AdmissionResponse, DialService, Form, Reviewed } from './types.ts'

/** Calls at once, of all requests together: each holds a review and a connection. */
const CALLS_MAX = 200
const WAITING_MAX = 2000
const DEFAULT_SECONDS = 10
const DEFAULT_PORT = 443

export interface Call {
  readonly webhook: Webhook
  readonly form: Form
  readonly request: Reviewed
  readonly isMutating: boolean
}

export class Caller {
  readonly #slots = new Slots(CALLS_MAX, WAITING_MAX)

  /** Throws CallFailed when there is no answer to be had, and what the request's own signal aborts with. */
  async ask({ webhook, form, request, isMutating }: Call, dialService: DialService): Promise<AdmissionResponse> {
    const name = webhook.name ?? ''
    const seconds = webhook.timeoutSeconds ?? DEFAULT_SECONDS
    const version = reviewVersion(webhook.admissionReviewVersions)
    if (version === undefined) throw new CallFailed(name, 'webhook does not accept known AdmissionReview versions (v1, v1beta1)')
    const question = requestFor(request, form)
    const { signal } = request.context
    const deadline = deadlineSignal(seconds * 1000, signal)
    let answer: unknown
    try {
      answer = await this.#slots.run(deadline, () => this.#send(webhook, { question, version, seconds }, dialService, deadline))
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const url = `Post ${JSON.stringify(urlOf(webhook, seconds)?.href ?? '')}`
      throw new CallFailed(
        name,
        `failed to call webhook: ${url}: ${deadline.aborted ? 'context deadline exceeded' : wordsOf(error, webhook)}`,
      )
    }
    try {
      return readResponse(answer, { uid: question.uid, version, isMutating })
    } catch (error) {
      throw new CallFailed(name, `received invalid webhook response: ${(error as Error).message}`)
    }
  }

  async #send(
    webhook: Webhook,
    { question, version, seconds }: { question: AdmissionRequest; version: string; seconds: number },
    dialService: DialService,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { service, caBundle } = webhook.clientConfig ?? {}
    const url = urlOf(webhook, seconds)
    if (!url) throw new Error('neither a URL nor a Service is given')
    const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined
    const body = JSON.stringify(reviewOf(question, version))
    if (!service) return postJson({ url, ca, body, signal })
    const serverName = `${service.name}.${service.namespace}.svc`
    const socket = await connectTls(await dialService(portOf(service), signal), { serverName, ...(ca !== undefined && { ca }) }, signal)
    try {
      return await postJson({ url, socket, body, signal })
    } finally {
      socket.destroy()
    }
  }
}

function portOf({ namespace = '', name = '', port = DEFAULT_PORT }: NonNullable<WebhookClientConfig['service']>): ServicePort {
  return { namespace, name, port }
}

/** With the time it has, as Kubernetes tells webhooks. */
function urlOf({ clientConfig = {} }: Webhook, seconds: number): URL | undefined {
  const { url, service } = clientConfig
  const path = service?.path ?? ''
  const text = service
    ? `https://${service.name}.${service.namespace}.svc:${service.port ?? DEFAULT_PORT}${path.startsWith('/') ? '' : '/'}${path}`
    : url
  if (!text || !URL.canParse(text)) return undefined
  const parsed = new URL(text)
  parsed.searchParams.set('timeout', `${seconds}s`)
  return parsed
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

/** What scripts look for in such messages is what Go says. */
function wordsOf(error: unknown, { clientConfig }: Webhook): string {
  if (isReason(error, 'NotFound')) return `service ${JSON.stringify(clientConfig?.service?.name)} not found`
  const { code = '', message } = error as NodeJS.ErrnoException
  if (UNTRUSTED.has(code)) return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
  if (code === 'ECONNREFUSED') return `dial tcp: connect: connection refused (${message})`
  return message || String(error)
}
