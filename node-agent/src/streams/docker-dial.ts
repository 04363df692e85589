/** Calls of Docker whose answer is a stream of any length, or a hijacked connection, which dockerode's own methods do not give safely. */
import type { Duplex, Readable } from 'node:stream'
import type Dockerode from 'dockerode'
import { DockerError, toDockerError } from '../docker/index.ts'

const ANSWER_MS_MAX = 60_000

export interface DockerDial {
  readonly method: 'GET' | 'POST'
  /** Ends in `?` when `options` go into the query. */
  readonly path: string
  readonly options?: Record<string, unknown>
  /** Body. */
  readonly file?: Readable
  /** How long Docker may take to begin its answer. */
  readonly answerMsMax?: number
  readonly signal: AbortSignal
}

/** Resolves with the answer's body once its head is there. It must be read or destroyed. Rejects with a `DockerError`. */
export function dialStream(raw: Dockerode, request: DockerDial): Promise<Readable> {
  return dial<Readable>(raw, request, { isStream: true })
}

/** Resolves with the connection itself once Docker has given it over: what is written goes to the container, ending it ends stdin. */
export function dialHijacked(raw: Dockerode, request: DockerDial): Promise<Duplex> {
  return dial<Duplex>(raw, request, { isStream: true, hijack: true })
}

function dial<S extends Readable>(
  raw: Dockerode,
  { method, path, options = {}, file, answerMsMax = ANSWER_MS_MAX, signal }: DockerDial,
  how: { isStream: true; hijack?: true },
): Promise<S> {
  return new Promise<S>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    // The deadline is for the head only: a signal with a timeout would cut the stream later.
    const deadline = new AbortController()
    const timer = setTimeout(
      () => deadline.abort(new DockerError(`Docker did not answer "${method} ${path}" within ${answerMsMax / 1000} s`, 0)),
      answerMsMax,
    )
    const abortSignal = AbortSignal.any([signal, deadline.signal])
    const request = { method, path, options, ...(file && { file }), ...how, abortSignal, statusCodes: { 200: true, 101: true } }
    raw.modem.dial(request as unknown as Parameters<typeof raw.modem.dial>[0], (err: unknown, answer: unknown) => {
      clearTimeout(timer)
      if (err) return reject(abortSignal.aborted ? abortSignal.reason : toDockerError(err))
      const stream = answer as S
      stream.on('error', () => {})
      if (signal.aborted) {
        stream.destroy()
        return reject(signal.reason)
      }
      resolve(stream)
    })
  })
}
