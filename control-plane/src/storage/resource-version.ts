/** resourceVersions and continue tokens as clients send them, and the errors Kubernetes answers with. */
import { type ApiError, badRequest, expired, timedOut } from '@davit/api'

/** A number, or undefined when absent. Throws 400 for anything that is not a version. */
export function parseResourceVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const revision = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(revision)) return revision
  throw badRequest(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  )
}

/** 504: the version asked for has not arrived here. */
export function tooLargeVersion(revision: number, current: number): ApiError {
  return timedOut(`Too large resource version: ${revision}, current: ${current}`, [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ])
}

/** 410 for a watch from a version whose successors are gone; `oldest` could still be served. */
export function tooOldVersion(revision: number, oldest: number): ApiError {
  return expired(`too old resource version: ${revision} (${oldest})`)
}

/** Where a list goes on: at the revision of its first page, from a key relative to the list's prefix. */
export interface ContinueToken {
  /** Undefined: at the present, for a list that need not be of one moment. */
  readonly revision: number | undefined
  readonly start: string
}

const TOKEN_VERSION = 'meta.k8s.io/v1'
/** In the place of a revision, as Kubernetes has it. */
const PRESENT = -1

export function encodeContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: TOKEN_VERSION, rv: revision ?? PRESENT, start })).toString('base64url')
}

/** Throws 400 for a token that is not ours, among them one that leads out of the list's own keys. */
export function decodeContinue(text: string): ContinueToken {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (typeof token === 'object' && token !== null && 'v' in token && 'rv' in token && 'start' in token) {
      const { v, rv, start } = token
      const isValid =
        v === TOKEN_VERSION && typeof rv === 'number' && Number.isSafeInteger(rv) && (rv > 0 || rv === PRESENT) && typeof start === 'string'
      if (isValid && start !== '' && !start.startsWith('/') && !start.split('/').includes('..'))
        return { revision: rv === PRESENT ? undefined : rv, start }
    }
  } catch {
    // Falls through to the error that names the token.
  }
  throw badRequest(`continue key is not valid: ${JSON.stringify(text)}`)
}
