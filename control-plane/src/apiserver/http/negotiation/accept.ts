/** Which form of an answer a client wants: the `Accept` header, with Kubernetes' parameters `as`, `v` and `g`. */
import { apiError } from '@davit/api'

export interface AnswerForm {
  readonly format: 'json' | 'yaml'
  /** A view of the object instead of the object. */
  readonly as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  /** Version of `meta.k8s.io` for the view. */
  readonly version: 'v1' | 'v1beta1'
}

interface MediaRange {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
  readonly quality: number
}

const JSON_FORM: AnswerForm = { format: 'json', version: 'v1' }
const VIEWS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'])
const FORMATS: Readonly<Record<string, AnswerForm['format']>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/*': 'json',
  '*/*': 'json',
}
const ACCEPTED = 'application/json, application/yaml'

/** Throws NotAcceptable when nothing the client accepts can be given. `views`: whether tables and metadata may be asked for. */
export function negotiate(accept: string | undefined, views: boolean): AnswerForm {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return JSON_FORM
  for (const range of parseAccept(accept)) {
    const form = formOf(range, views)
    if (form) return form
  }
  throw apiError('NotAcceptable', `only the following media types are accepted: ${ACCEPTED}`)
}

function formOf({ type, parameters }: MediaRange, views: boolean): AnswerForm | undefined {
  const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined
  if (!format || (parameters.stream !== undefined && parameters.stream !== 'watch')) return undefined
  const as = parameters.as
  if (as === undefined) return { format, version: 'v1' }
  if (!views || !VIEWS.has(as) || (parameters.g ?? 'meta.k8s.io') !== 'meta.k8s.io') return undefined
  const version = parameters.v ?? 'v1'
  if (version !== 'v1' && version !== 'v1beta1') return undefined
  return { format, as: as as NonNullable<AnswerForm['as']>, version }
}

/** For an answer in pieces, which only JSON can be. Throws NotAcceptable. */
export function negotiateStream(accept: string | undefined): AnswerForm {
  const form = negotiate(accept, true)
  if (form.format === 'json') return form
  throw apiError('NotAcceptable', 'only the following media types are accepted: application/json;stream=watch')
}

/** The form of a refusal, which every client gets: in JSON to those who accept nothing that can be given. */
export function formOfError(accept: string | undefined): AnswerForm {
  try {
    return negotiate(accept, false)
  } catch {
    return JSON_FORM
  }
}

/** The ranges of an `Accept` header, best first; of equal ones the first named. */
export function parseAccept(accept: string): MediaRange[] {
  const ranges = accept.slice(0, 4096).split(',').slice(0, 32).map(parseRange)
  return ranges.filter(range => range.quality > 0).sort((a, b) => b.quality - a.quality)
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';')
  const parameters: Record<string, string> = {}
  let quality = 1
  for (const part of rest) {
    const equals = part.indexOf('=')
    if (equals < 0) continue
    const name = part.slice(0, equals).trim().toLowerCase()
    const value = part
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
    if (name === 'q') quality = Number.isNaN(Number(value)) ? 0 : Number(value)
    else if (name !== '__proto__') parameters[name] = value
  }
  return { type: type.trim().toLowerCase(), parameters, quality }
}

/** Whether JSON is to be indented: asked for, or a person at a terminal or browser reads it. */
export function wantsPretty(pretty: string | undefined, userAgent: string | undefined): boolean {
  // As Go reads a truth; the bare word is taken as one, too.
  if (pretty !== undefined) return /^(1|t|T|true|TRUE|True|)$/.test(pretty)
  return userAgent !== undefined && /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent)
}
