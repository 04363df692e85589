import type { Readable } from 'node:stream'

/** At most so many bytes of what an agent answers, as text; the rest is not waited for: a node that was broken into may never end it. */
export async function beginningOf(stream: Readable, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= bytesMax) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, bytesMax)
}
