import { pipeline } from 'node:stream/promises'
import { apiError } from '@davit/api'
import { DockerError } from '../docker/index.ts'
import type { StreamContext, StreamRequest } from './create-stream-handler.ts'
import { dialStream } from './docker-dial.ts'

/** An archive may take long to arrive before Docker says its first word. */
const ANSWER_MS_MAX = 3_600_000

/** Serves `PUT /images`: an image archive (docker save) into this node's Docker, whose progress is answered as JSON lines. */
export async function serveImages({ docker, log }: StreamContext, { stream, gone }: StreamRequest): Promise<void> {
  try {
    const options = { method: 'POST', path: '/images/load?', options: { quiet: false }, answerMsMax: ANSWER_MS_MAX } as const
    const progress = await dialStream(docker.raw, { ...options, file: stream, signal: gone })
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' })
    await pipeline(progress, stream)
    log.info({}, 'Loaded an image archive')
  } catch (err) {
    if (err instanceof DockerError && err.code >= 400 && err.code < 500)
      throw apiError('BadRequest', err.message, undefined, { cause: err })
    throw err
  }
}
