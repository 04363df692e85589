/** Objects from one version to another by the webhook of their definition: apiextensions.k8s.io/v1 ConversionReview on the wire. */
import { randomUUID } from 'node:crypto'
import { apiError, type KubernetesObject, type ObjectMeta, type WebhookClientConfig } from '@davit/api'
import type { ConvertByWebhook } from '../registry/index.ts'

/** Sends JSON to a webhook and gives the JSON that it answers. Rejects in the words in which that failed. */
export type AskWebhook = (config: WebhookClientConfig, body: object, signal: AbortSignal | undefined) => Promise<unknown>

const REVIEW_VERSIONS = ['v1', 'v1beta1']

/** What changes objects by asking. Throws InternalError in Kubernetes' words. */
export function conversionByWebhook(ask: AskWebhook): ConvertByWebhook {
  return async (custom, objects, apiVersion, signal) => {
    const [first] = objects
    if (!first) return []
    const failed = (why: string, cause?: unknown) => {
      const message = `conversion webhook for ${first.apiVersion}, Kind=${first.kind} failed: ${why}`
      return apiError('InternalError', message, undefined, { cause })
    }
    const { webhook } = custom
    const version = reviewVersion(webhook?.conversionReviewVersions)
    if (!webhook?.clientConfig || version === undefined) throw failed('it takes no known ConversionReview (v1, v1beta1)')
    const request = { uid: randomUUID(), desiredAPIVersion: apiVersion, objects }
    let answer: unknown
    try {
      answer = await ask(webhook.clientConfig, { kind: 'ConversionReview', apiVersion: `apiextensions.k8s.io/${version}`, request }, signal)
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      throw failed((cause as Error).message, cause)
    }
    try {
      return readConverted(answer, { uid: request.uid, objects, apiVersion, version })
    } catch (cause) {
      throw failed((cause as Error).message, cause)
    }
  }
}

function reviewVersion(versions: readonly string[] | undefined): string | undefined {
  return versions?.find(version => REVIEW_VERSIONS.includes(version))
}

interface Asked {
  readonly uid: string
  readonly objects: readonly KubernetesObject[]
  readonly apiVersion: string
  readonly version: string
}

interface Answer {
  readonly apiVersion?: unknown
  readonly kind?: unknown
  readonly response?: { uid?: unknown; convertedObjects?: unknown; result?: { status?: unknown; message?: unknown } }
}

/** The objects of an answer, in the order in which they were asked for. Pure. Throws Error for an answer that cannot be right. */
export function readConverted(answer: unknown, { uid, objects, apiVersion, version }: Asked): KubernetesObject[] {
  const { apiVersion: reviewVersion, kind, response } = (answer ?? {}) as Answer
  const wanted = `apiextensions.k8s.io/${version}`
  if (kind !== 'ConversionReview' || reviewVersion !== wanted) {
    throw new Error(`expected webhook response of ${wanted}, Kind=ConversionReview, got ${String(reviewVersion)}, Kind=${String(kind)}`)
  }
  if (!response) throw new Error('no response provided')
  if (response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid)}`)
  const { status, message } = response.result ?? {}
  if (status !== 'Success')
    throw new Error(
      typeof message === 'string' && message ? message : `response.result.status was ${JSON.stringify(status)}, not 'Success'`,
    )
  const converted: unknown[] = Array.isArray(response.convertedObjects) ? response.convertedObjects : []
  if (converted.length !== objects.length) throw new Error(`webhook returned ${converted.length} objects, expected ${objects.length}`)
  return objects.map((object, i) => readObject(converted[i], object, apiVersion, i))
}

function readObject(raw: unknown, object: KubernetesObject, apiVersion: string, index: number): KubernetesObject {
  const wrong = (why: string) => new Error(`webhook returned invalid converted object at index ${index}: ${why}`)
  if (typeof raw !== 'object' || raw === null) throw wrong('it is no object')
  const converted = raw as Partial<KubernetesObject>
  if (converted.apiVersion !== apiVersion) throw wrong(`invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion})`)
  if (converted.kind !== object.kind) throw wrong(`invalid kind (expected ${object.kind}, received ${converted.kind})`)
  const { metadata } = converted
  if (typeof metadata !== 'object' || metadata === null) throw wrong('metadata is missing')
  for (const name of ['name', 'namespace', 'uid'] as const) {
    if ((metadata[name] ?? '') !== (object.metadata[name] ?? '')) throw wrong(`must have the same ${name}`)
  }
  return { ...converted, apiVersion, kind: object.kind, metadata: restored(object.metadata, metadata) }
}

/** Labels and annotations are the webhook's to change; nothing else of metadata is. */
function restored({ labels: _, annotations: __, ...kept }: ObjectMeta, converted: ObjectMeta): ObjectMeta {
  const texts = (map: unknown, field: string) => {
    if (map === undefined || map === null) return undefined
    if (typeof map !== 'object' || Array.isArray(map) || !Object.values(map).every(value => typeof value === 'string')) {
      throw new Error(`webhook returned invalid metadata: ${field} must be a map of strings`)
    }
    return Object.keys(map).length > 0 ? (map as Record<string, string>) : undefined
  }
  const labels = texts(converted.labels, 'labels')
  const annotations = texts(converted.annotations, 'annotations')
  return { ...kept, ...(labels && { labels }), ...(annotations && { annotations }) }
}
