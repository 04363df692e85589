/** Asks whatever is called a webhook, of admission or of conversion: where it is, how it is trusted, how long it may take. */
import { deadlineSignal, isReason, type WebhookClientConfig } from '@davit/api'
import { connectTls, type ServicePort } from '../dial/index.ts'
import { postJson } from './post.ts'
import { Slots } from './slots.ts'
import type { DialService } from './types.ts'

/** Calls at once, of all requests together: each holds a review and a connection. */
const CALLS_MAX = 200
const WAITING_MAX = 2000
const DEFAULT_PORT = 443

export interface WebhookQuestion {
  readonly clientConfig: WebhookClientConfig
  readonly body: object
  /** How long it may take, waiting for its turn included. */
  readonly seconds: number
  readonly signal?: AbortSignal | undefined
}

export class WebhookClient {
  readonly #slots = new Slots(CALLS_MAX, WAITING_MAX)

  /** What JSON it answers. Rejects in Kubernetes' words, `Post "https://…": …`, or with what `signal` aborts with. */
  async ask({ clientConfig, body, seconds, signal }: WebhookQuestion, dialService: DialService): Promise<unknown> {
    const deadline = deadlineSignal(seconds * 1000, signal)
    const url = urlOf(clientConfig, seconds)
    try {
      if (!url) throw new Error('neither a URL nor a Service is given')
      return await this.#slots.run(deadline, () => send(url, { clientConfig, body, dialService, signal: deadline }))
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const why = deadline.aborted ? 'context deadline exceeded' : wordsOf(error, clientConfig)
      throw new Error(`Post ${JSON.stringify(url?.href ?? '')}: ${why}`, { cause: error })
    }
  }
}

interface Sending {
  readonly clientConfig: WebhookClientConfig
  readonly body: object
  readonly dialService: DialService
  readonly signal: AbortSignal
}

async function send(url: URL, { clientConfig: { service, caBundle }, body, dialService, signal }: Sending): Promise<unknown> {
  const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined
  const text = JSON.stringify(body)
  if (!service) return postJson({ url, ca, body: text, signal })
  const serverName = `${service.name}.${service.namespace}.svc`
  const socket = await connectTls(await dialService(portOf(service), signal), { serverName, ...(ca !== undefined && { ca }) }, signal)
  try {
    return await postJson({ url, socket, body: text, signal })
  } finally {
    socket.destroy()
  }
}

function portOf({ namespace = '', name = '', port = DEFAULT_PORT }: NonNullable<WebhookClientConfig['service']>): ServicePort {
  return { namespace, name, port }
}

/** With the time it has, as Kubernetes tells webhooks. */
function urlOf({ url, service }: WebhookClientConfig, seconds: number): URL | undefined {
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
function wordsOf(error: unknown, { service }: WebhookClientConfig): string {
  if (isReason(error, 'NotFound')) return `service ${JSON.stringify(service?.name)} not found`
  const { code = '', message } = error as NodeJS.ErrnoException
  if (UNTRUSTED.has(code)) return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
  if (code === 'ECONNREFUSED') return `dial tcp: connect: connection refused (${message})`
  return message || String(error)
}
