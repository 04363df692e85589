/** Load on a URL with a new connection for every request, and an honest count of what failed. */
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface LoadOptions {
  /** Requests in flight at once. */
  concurrency: number
  /** Ends the load; requests in flight are finished. */
  signal: AbortSignal
  /** A request fails when it takes longer; default 10,000. */
  timeoutMs?: number
}

export interface LoadResult {
  requests: number
  /** `beganMs`: when the request that failed was sent, from the load's begin. */
  failures: { url: string; error: string; beganMs: number }[]
  /** Answers by body, trimmed: who answered how often. */
  answers: Map<string, number>
}

export interface RunningLoad {
  /** What was counted until now. */
  sofar(): LoadResult
  /** Settles once the signal has aborted and the requests in flight are finished. */
  done: Promise<LoadResult>
}

/** Requests the URLs in turn until the signal aborts. */
export function load(urls: readonly string[], { concurrency, signal, timeoutMs = 10_000 }: LoadOptions): RunningLoad {
  const result: LoadResult = { requests: 0, failures: [], answers: new Map() }
  const began = performance.now()
  const worker = async (offset: number) => {
    for (let turn = offset; !signal.aborted; turn++) {
      const url = urls[turn % urls.length] as string
      const beganMs = Math.round(performance.now() - began)
      result.requests++
      try {
        const body = (await fetchOnce(url, timeoutMs)).trim()
        result.answers.set(body, (result.answers.get(body) ?? 0) + 1)
      } catch (error) {
        result.failures.push({ url, error: String((error as Error).message), beganMs })
      }
    }
  }
  const done = Promise.all(Array.from({ length: concurrency }, (_, offset) => worker(offset))).then(() => result)
  return { sofar: () => result, done }
}

/** One GET on a connection of its own, all of it within `timeoutMs`. Throws on any status but 200. */
export function fetchOnce(url: string, timeoutMs = 10_000): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const request = get(url, { agent: false, headers: { connection: 'close' } }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        body += chunk
      })
      response.once('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`HTTP ${response.statusCode}: ${body.slice(0, 200)}`)),
      )
      response.once('error', reject)
    })
    // A request's own timeout would begin only once it is connected.
    const timer = setTimeout(() => request.destroy(new Error(`No answer within ${timeoutMs} ms`)), timeoutMs)
    request.once('close', () => clearTimeout(timer))
    // It may come after the answer's own.
    request.on('error', reject)
  })
}

/**
 * Waits until every URL has given `answers` different answers: a pod is Ready a moment before each node leads to it. Throws, naming
 * the URL, after 30 s.
 */
export async function untilServed(urls: readonly string[], { answers = 1 } = {}): Promise<void> {
  const deadline = performance.now() + 30_000
  for (const url of urls) {
    const given = new Set<string>()
    let failure: unknown
    while (given.size < answers) {
      if (performance.now() > deadline) throw new Error(`${url} gave ${given.size} of ${answers} answers within 30 s`, { cause: failure })
      await fetchOnce(url, 2_000).then(
        answer => given.add(answer),
        error => {
          failure = error
          return delay(20)
        },
      )
    }
  }
}
