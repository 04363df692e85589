/** `/healthz`, `/livez` and `/readyz`, whole and check by check, in the words of Kubernetes' API server. */
import type { Logger } from '@davit/api'
import type { HealthCheck } from './options.ts'
import type { Reply } from './respond.ts'

/** A check that does not answer counts as failed. */
const CHECK_MS_MAX = 3000

export interface HealthRequest {
  readonly endpoint: 'healthz' | 'livez' | 'readyz'
  /** One check by name; empty: all. */
  readonly name: string
  readonly query: URLSearchParams
}

export async function answerHealth(
  reply: Reply,
  checks: readonly HealthCheck[],
  { endpoint, name, query }: HealthRequest,
  log: Logger,
): Promise<void> {
  const relevant = checks.filter(check => endpoint !== 'livez' || check.live)
  const excluded = new Set(query.getAll('exclude'))
  const chosen = relevant.filter(check => (name === '' ? !excluded.has(check.name) : check.name === name))
  if (name !== '' && chosen.length === 0) return text(reply, 404, '404 page not found\n')

  const failures = await Promise.all(chosen.map(failureOf))
  const failed = failures.filter(failure => failure !== undefined)
  if (failed.length > 0) log.warn({ endpoint, failed }, 'A health check failed')
  if (failed.length === 0 && (name !== '' || !query.has('verbose'))) return text(reply, 200, 'ok')
  const lines = chosen.map((check, i) => (failures[i] === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: ${failures[i]}`))
  const verdict = failed.length === 0 ? 'passed' : 'failed'
  text(reply, failed.length === 0 ? 200 : 500, `${[...lines, `${endpoint} check ${verdict}`].join('\n')}\n`)
}

async function failureOf({ check }: HealthCheck): Promise<string | undefined> {
  const timer = new AbortController()
  const late = new Promise<string>(resolve => {
    const handle = setTimeout(() => resolve(`no answer within ${CHECK_MS_MAX} ms`), CHECK_MS_MAX)
    timer.signal.addEventListener('abort', () => clearTimeout(handle), { once: true })
  })
  try {
    return await Promise.race([
      Promise.resolve()
        .then(check)
        .then(() => undefined),
      late,
    ])
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  } finally {
    timer.abort()
  }
}

function text(reply: Reply, code: number, body: string): void {
  reply.code(code).header('content-type', 'text/plain; charset=utf-8').header('cache-control', 'no-cache, private').send(body)
}
