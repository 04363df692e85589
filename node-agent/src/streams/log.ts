/** A container's log, as Docker's json-file driver keeps it. */
import type { Readable } from 'node:stream'
import { badRequest, writeChunk } from '@davit/api'
import type Dockerode from 'dockerode'
import { isDockerCode } from '../docker/index.ts'
import type { StreamContext, StreamRequest } from './create-stream-handler.ts'
import { dialStream } from './docker-dial.ts'
import { readOutput } from './docker-frames.ts'
import { findForLog } from './find-container.ts'
import { parseLogQuery } from './log-query.ts'

/** Serves `GET /log/<namespace>/<pod>/<uid>/<container>`; with `follow` until the container ends. */
export async function serveLog({ docker, containers, clock }: StreamContext, { stream, query, names, gone }: StreamRequest): Promise<void> {
  const [, podName = '', podUid = '', container = ''] = names
  const wanted = parseLogQuery(query, clock.now())
  const info = findForLog(containers, { podName, podUid, container }, wanted.previous)
  const body = await openLog(docker.raw, info.id, { ...wanted.docker, follow: wanted.follow }, gone)
  const stop = () => body.destroy()
  gone.addEventListener('abort', stop, { once: true })
  try {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    let left = wanted.limitBytes
    for await (const { payload } of readOutput(body, { tty: info.tty })) {
      const piece = payload.length > left ? payload.subarray(0, left) : payload
      left -= piece.length
      if (!(await writeChunk(stream, piece)) || left <= 0) break
    }
  } catch (err) {
    if (!gone.aborted) throw err
  } finally {
    gone.removeEventListener('abort', stop)
    body.destroy()
  }
  stream.end()
}

async function openLog(raw: Dockerode, id: string, options: Record<string, unknown>, gone: AbortSignal): Promise<Readable> {
  try {
    return await dialStream(raw, { method: 'GET', path: `/containers/${id}/logs?`, options, signal: gone })
  } catch (err) {
    if (isDockerCode(err, 404)) throw badRequest('the container whose log is asked for has been removed')
    throw err
  }
}
