/** A stream of HTML in which the URLs of links are changed and every other byte stays as it is. */
import { Transform } from 'node:stream'
import { RewritingStream } from 'parse5-html-rewriting-stream'

/** Attributes that hold a URL, by element. */
const URL_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

/** In bytes. */
interface Limits {
  /** Of one tag, comment or text: the parser keeps it whole, at many times its size. */
  readonly piece: number
  /** Of names, which take most: whatever has nothing in it that stands between names may be one. */
  readonly name: number
}

const LIMITS: Limits = { piece: 8 << 20, name: 64 << 10 }
const BETWEEN_NAMES = new Set([...' \t\r\n\f/>='].map(letter => letter.charCodeAt(0)))

/** Where a tag stands in the page, and its attributes; the parser's types leave out the latter. */
interface Located {
  readonly startOffset: number
  readonly attrs?: Readonly<Record<string, { readonly startOffset: number; readonly endOffset: number }>>
}

/**
 * The steps to pipe through, in order. Bytes are read and written as Latin-1, so that every encoding with ASCII in it passes unharmed. They fail
 * at what is beyond `limits`.
 */
export function linkRewriter(rewrite: (url: string) => string, limits = LIMITS): Transform[] {
  const rewriter = new RewritingStream()
  rewriter.on('startTag', (tag, html) => {
    const location: Located | null | undefined = tag.sourceCodeLocation
    const edits = (URL_ATTRIBUTES[tag.tagName] ?? []).flatMap(name => {
      const place = location?.attrs?.[name]
      return place && location ? [{ start: place.startOffset - location.startOffset, end: place.endOffset - location.startOffset }] : []
    })
    // From the back, so that what comes before keeps its place.
    const edited = edits
      .sort((a, b) => b.start - a.start)
      .reduce((text, { start, end }) => text.slice(0, start) + rewriteAttribute(text.slice(start, end), rewrite) + text.slice(end), html)
    rewriter.emitRaw(edited)
  })
  let unread = 0
  let name = 0
  const toText = new Transform({
    readableObjectMode: true,
    transform: (chunk: Buffer, _encoding, done) => {
      unread += chunk.length
      const last = chunk.findLastIndex(byte => BETWEEN_NAMES.has(byte))
      name = last < 0 ? name + chunk.length : chunk.length - 1 - last
      if (unread > limits.piece || name > limits.name) done(new Error('The page is not fit for its links to be rewritten'))
      else done(null, chunk.toString('latin1'))
    },
  })
  const toBytes = new Transform({
    decodeStrings: false,
    transform: (text: string, _encoding, done) => {
      unread = 0
      done(null, Buffer.from(text, 'latin1'))
    },
  })
  return [toText, rewriter as unknown as Transform, toBytes]
}

/** `name="value"` as it stands in the page, whatever its quotes. */
function rewriteAttribute(source: string, rewrite: (url: string) => string): string {
  const [, before, quote = '', value] = /^([^=]*=\s*)(["']?)(.*)\2$/s.exec(source) ?? []
  return before === undefined || value === undefined ? source : `${before}${quote}${rewrite(value.trim())}${quote}`
}
