import { badRequest } from '@davit/api'

export interface LogQuery {
  readonly previous: boolean
  readonly follow: boolean
  /** Infinity when there is no limit. */
  readonly limitBytes: number
  /** As Docker's API takes it. */
  readonly docker: { stdout: boolean; stderr: boolean; timestamps: boolean; tail: string; since?: string }
}

/** Reads PodLogOptions as they come in a query; `now` in milliseconds since the epoch. Throws BadRequest. */
export function parseLogQuery(query: URLSearchParams, now: number): LogQuery {
  const tail = count(query, 'tailLines', 0)
  const limit = count(query, 'limitBytes', 1)
  const since = sinceOf(query, now)
  const wanted = query.get('stream') ?? 'All'
  return {
    previous: flag(query, 'previous'),
    follow: flag(query, 'follow'),
    limitBytes: limit ?? Number.POSITIVE_INFINITY,
    docker: {
      stdout: wanted !== 'Stderr',
      stderr: wanted !== 'Stdout',
      timestamps: flag(query, 'timestamps'),
      tail: tail === undefined ? 'all' : String(tail),
      ...(since !== undefined && { since }),
    },
  }
}

function sinceOf(query: URLSearchParams, now: number): string | undefined {
  const seconds = count(query, 'sinceSeconds', 1)
  if (seconds !== undefined) return (now / 1000 - seconds).toFixed(3)
  const time = query.get('sinceTime')
  if (!time) return undefined
  const ms = Date.parse(time)
  if (Number.isNaN(ms)) throw badRequest(`Invalid sinceTime ${JSON.stringify(time)}, wanted RFC 3339`)
  // Docker takes seconds with nanoseconds, which a number cannot hold.
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? '0'
  return `${Math.floor(ms / 1000)}.${fraction.padEnd(9, '0')}`
}

function count(query: URLSearchParams, name: string, min: number): number | undefined {
  const text = query.get(name)
  if (!text) return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < min)
    throw badRequest(`Invalid ${name} ${JSON.stringify(text)}, wanted a whole number of at least ${min}`)
  return value
}

/** As Kubernetes reads booleans in a query. */
export function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)
  return text !== null && text !== 'false' && text !== '0'
}
