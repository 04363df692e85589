import { ApiError } from '@davit/api'

/** Ends the command with a text on stderr, word for word, and an exit code. */
export class ExitError extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message = '') {
    super(message)
    this.name = 'ExitError'
    this.exitCode = exitCode
  }
}

/** The command was called wrongly; `--help` says how it is done. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** What to print for a failure, as kubectl words it, without a newline at its end. `server` is the API's URL. */
export function describeError(error: unknown, { server, command = 'davit' }: { server?: string; command?: string } = {}): string {
  if (error instanceof AggregateError) return error.errors.map(one => describeError(one, { ...(server && { server }), command })).join('\n')
  if (error instanceof ExitError) return error.message
  if (error instanceof UsageError) return `error: ${error.message}\nSee '${command} -h' for help and examples`
  if (error instanceof ApiError) return describeConnection(error, server) ?? describeStatus(error)
  const message = error instanceof Error ? error.message : String(error)
  return message.startsWith('error: ') || message.startsWith('Error from server') ? message : `error: ${message}`
}

function describeStatus({ status, message }: ApiError): string {
  const { reason, details } = status
  if (reason === 'Invalid') {
    if (!details?.kind && !details?.name) return `The request is invalid: ${message}`
    return multiline(`The ${details.kind ?? ''} "${details.name ?? ''}" is invalid: `, causesOf(status))
  }
  if (reason === 'Unauthorized') {
    return `error: You must be logged in to the server (${message}): the certificate or token in the kubeconfig is not this cluster's`
  }
  return reason ? `Error from server (${reason}): ${message}` : `Error from server: ${message}`
}

function causesOf({ details }: ApiError['status']): string[] {
  return [...new Set((details?.causes ?? []).map(({ field, message = '' }) => (field ? `${field}: ${message}` : message)))]
}

function multiline(prefix: string, texts: readonly string[]): string {
  if (texts.length <= 1) return `${prefix}${texts[0] ?? ''}`
  return [prefix, ...texts.map(text => `* ${text}`)].join('\n')
}

/** When nobody answered: why not, and what to do. */
function describeConnection(error: ApiError, server: string | undefined): string | undefined {
  const cause = causeWithCode(error)
  if (!cause || error.reason !== 'ServiceUnavailable') return undefined
  const host = server ? new URL(server).host : 'given'
  if (cause.code === 'ECONNREFUSED') {
    return `The connection to the server ${host} was refused - did you start it? Try: npm run up`
  }
  if (cause.code === 'ENOTFOUND') return `Unable to connect to the server: no such host: check "server" in the kubeconfig (${host})`
  return `Unable to connect to the server ${host}: ${cause.message || cause.code}`
}

function causeWithCode(error: Error): (Error & { code: string }) | undefined {
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at as Error & { code: string }
    if (at instanceof AggregateError && at.errors[0] instanceof Error && 'code' in at.errors[0])
      return at.errors[0] as Error & { code: string }
  }
  return undefined
}
