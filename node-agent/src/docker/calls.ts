/** How Docker is asked: every call has a deadline, every failure is a `DockerError`. */

/** Docker refused or did not answer. `code` is the HTTP code, 0 when there was no answer at all. */
export class DockerError extends Error {
  readonly code: number

  constructor(message: string, code: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DockerError'
    this.code = code
  }
}

export function isDockerCode(err: unknown, code: number): boolean {
  return err instanceof DockerError && err.code === code
}

/** True when Docker itself could not be reached or did not answer in time, so that nothing is known of what was asked. */
export function isDockerAway(err: unknown): boolean {
  return err instanceof DockerError && err.code === 0
}

/**
 * Runs `call` with a signal that aborts after `deadlineMs`, and makes what fails a `DockerError`. Once Docker has answered only `signal`
 * aborts it: an answer that is a stream may go on for as long as it likes.
 */
export async function ask<R>(
  what: string,
  deadlineMs: number,
  call: (abortSignal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
): Promise<R> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), deadlineMs)
  timer.unref()
  const abortSignal = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
  let stop = () => {}
  // Not every call of dockerode heeds the signal, so its end is waited for here as well.
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(abortSignal.reason)
    abortSignal.addEventListener('abort', stop, { once: true })
  })
  try {
    abortSignal.throwIfAborted()
    return await Promise.race([call(abortSignal), aborted])
  } catch (err) {
    if (signal?.aborted) throw signal.reason
    if (deadline.signal.aborted) throw new DockerError(`Docker did not answer "${what}" within ${deadlineMs / 1000} s`, 0, { cause: err })
    throw toDockerError(err)
  } finally {
    clearTimeout(timer)
    abortSignal.removeEventListener('abort', stop)
  }
}

/** The daemon's own words, without the wrapping `(HTTP code 500) server error - …` that dockerode adds. */
export function toDockerError(err: unknown): Error {
  if (err instanceof DockerError || !(err instanceof Error)) return err instanceof Error ? err : new Error(String(err))
  const code = (err as { statusCode?: unknown }).statusCode
  const json = (err as { json?: unknown }).json
  if (typeof code !== 'number') return new DockerError(err.message, 0, { cause: err })
  const said = typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string' ? json.message : undefined
  return new DockerError(said ?? err.message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim(), code, { cause: err })
}
