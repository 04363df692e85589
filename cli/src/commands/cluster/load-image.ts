import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { ApiError, type HttpClient, PATHS, type Status } from '@davit/api'

/** One line of the server's progress. */
export interface ImageProgress {
  node: string
  status: string
  error?: string
}

/** Sends an image archive (as `docker save` writes it) through the API onto every node. Throws when any node refused it. */
export async function loadImage(
  client: HttpClient,
  archive: Readable,
  report: (progress: ImageProgress) => void = () => {},
): Promise<string[]> {
  const answer = await client.raw({ method: 'PUT', path: PATHS.images, body: archive, headers: { 'content-type': 'application/x-tar' } })
  const loaded = new Set<string>()
  const failures: string[] = []
  let rest = ''
  for await (const line of createInterface({ input: answer.body })) {
    if (answer.status !== 200) {
      rest += line
      continue
    }
    const progress = JSON.parse(line) as ImageProgress
    report(progress)
    if (progress.error) failures.push(`${progress.node}: ${progress.error}`)
    else if (progress.node) loaded.add(progress.node)
  }
  if (answer.status !== 200) throw new ApiError(JSON.parse(rest) as Status)
  if (failures.length > 0) throw new Error(`Cannot load the image on every node:\n  ${failures.join('\n  ')}`)
  return [...loaded]
}
