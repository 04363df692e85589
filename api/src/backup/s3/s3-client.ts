/** Signed requests to an S3-compatible store, tried again while it is busy or does not answer. */
import { createHash } from 'node:crypto'
import { AwsClient } from 'aws4fetch'
import { Backoff } from '../../client/backoff.ts'
import { systemClock } from '../../clock.ts'
import { ArchiveError } from '../archive-error.ts'

export interface S3Options {
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly sessionToken?: string
  /** Default us-east-1. */
  readonly region?: string
  /** `https://minio.example:9000`; default AWS of the region. */
  readonly endpoint?: string
  /** The bucket in the path and not in the host name. Default: true with an endpoint of one's own. */
  readonly pathStyle?: boolean
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Of the object; left out: the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly signal: AbortSignal
}

export interface S3Client {
  readonly bucket: string
  /** An answer of 2xx. Throws ArchiveError with the store's own words. */
  send(request: S3Request): Promise<Response>
}

const ATTEMPTS_MAX = 5
/** Until the head of the answer is there, the body sent before it. */
const ANSWER_MS_MAX = 120_000
const BACKOFF_MS = { min: 500, max: 15_000 }

export function s3Client(bucket: string, options: S3Options): S3Client {
  const { accessKeyId, secretAccessKey, sessionToken, region = 'us-east-1', endpoint, pathStyle = endpoint !== undefined } = options
  if (!accessKeyId || !secretAccessKey)
    throw new ArchiveError(
      `s3://${bucket} cannot be used without credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment`,
    )
  const aws = new AwsClient({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }), service: 's3', region, retries: 0 })
  const base = baseUrl({ bucket, region, endpoint, pathStyle })

  const attempt = async ({ method, key = '', query = {}, body, signal }: S3Request): Promise<Response> => {
    const url = new URL(base)
    url.pathname += key.split('/').map(encodeURIComponent).join('/')
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const headers = {
      'x-amz-content-sha256': createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    }
    const signed = await aws.sign(url, { method, headers, ...(body && { body: new Uint8Array(body) }) })
    return fetch(signed, { signal })
  }

  return {
    bucket,
    async send(request) {
      const backoff = new Backoff(BACKOFF_MS)
      for (let tries = 1; ; tries++) {
        // Only for the head: reading a body that goes on is no reason to give up.
        const late = new AbortController()
        const timer = setTimeout(() => late.abort(new Error(`it did not answer within ${ANSWER_MS_MAX / 1000} s`)), ANSWER_MS_MAX)
        const outcome = await attempt({ ...request, signal: AbortSignal.any([request.signal, late.signal]) }).catch(
          (error: unknown) => error,
        )
        clearTimeout(timer)
        request.signal.throwIfAborted()
        if (outcome instanceof Response && outcome.ok) return outcome
        const isLast = tries === ATTEMPTS_MAX
        if (!(outcome instanceof Response)) {
          if (isLast) throw new ArchiveError(`Cannot reach the store at ${base.origin}: ${reasonOf(outcome)}`, { cause: outcome })
        } else if (isLast || (outcome.status < 500 && outcome.status !== 429)) {
          throw await refusal(outcome, request, bucket)
        } else await outcome.body?.cancel()
        await systemClock.sleep(backoff.next(), request.signal)
      }
    },
  }
}

function baseUrl(options: { bucket: string; region: string; endpoint: string | undefined; pathStyle: boolean }): URL {
  const { bucket, region, endpoint = `https://s3.${region}.amazonaws.com`, pathStyle } = options
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new ArchiveError(`the endpoint "${endpoint}" is no URL such as https://minio.example:9000`)
  const url = new URL(endpoint.endsWith('/') ? endpoint : `${endpoint}/`)
  if (pathStyle) url.pathname += `${bucket}/`
  else url.hostname = `${bucket}.${url.hostname}`
  return url
}

const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make it first',
  InvalidAccessKeyId: 'check the access key',
  SignatureDoesNotMatch: 'check the secret key and the region',
  AccessDenied: 'the credentials must allow to list, get, put and delete',
  RequestTimeTooSkewed: "set this machine's clock",
}

async function refusal(response: Response, { method, key = '' }: S3Request, bucket: string): Promise<ArchiveError> {
  const text = await response.text().catch(() => '')
  const code = element(text, 'Code') ?? String(response.status)
  const message = element(text, 'Message') ?? response.statusText
  const hint = HINTS[code] ? `; ${HINTS[code]}` : ''
  return new ArchiveError(`The store refused ${method} s3://${bucket}/${key}: ${code}: ${message}${hint}`)
}

/** fetch hides what went wrong in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || cause.name : String(cause)
}

/** The text of the first element of that name. */
export function element(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return found?.replace(/&(lt|gt|quot|apos|amp|#(\d+));/g, (_, entity: string, code?: string) =>
    code ? String.fromCodePoint(Number(code)) : ({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }[entity] ?? ''),
  )
}
