import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { linkRewriter } from './link-rewriter.ts'

const WORDS = Buffer.from('x '.repeat(2048))
const LETTERS = Buffer.alloc(4096, 'x')
const LIMITS = { piece: 65_536, name: 16_384 }

/** How many bytes come out of a page of `begin` and `bytes` of what follows it. */
async function written(begin: string, bytes: number, then: Buffer): Promise<number> {
  let count = 0
  const page = Readable.from(
    (function* () {
      yield Buffer.from(begin)
      for (let sent = 0; sent < bytes; sent += then.length) yield then
    })(),
  )
  const end = new Writable({
    write(chunk: Buffer, _encoding, done) {
      count += chunk.length
      done()
    },
  })
  await pipeline([page, ...linkRewriter(url => url, LIMITS), end])
  return count
}

test('a page may be long', async () => {
  assert.equal(await written('<p>', 32_768, WORDS), 32_771)
  assert.equal(await written('<p>', 524_288, Buffer.concat([WORDS, Buffer.from('<br>')])), 524_291 + 512)
})

test('what does not end is not gathered without end', async () => {
  const unfit = /^Error: The page is not fit for its links to be rewritten$/
  for (const begin of ['<', '<a ']) await assert.rejects(written(begin, 32_768, LETTERS), unfit)
  for (const begin of ['<!--', '<a href="']) await assert.rejects(written(begin, 524_288, WORDS), unfit)
})
