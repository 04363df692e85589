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

/** Where a tag stands in the page, and its attributes; the parser's types leave out the latter. */
interface Located {
  readonly startOffset: number
  readonly attrs?: Readonly<Record<string, { readonly startOffset: number; readonly endOffset: number }>>
}

/** The steps to pipe through, in order. Bytes are read and written as Latin-1, so that every encoding with ASCII in it passes unharmed. */
export function linkRewriter(rewrite: (url: string) => string): Transform[] {
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
  const toText = new Transform({
    readableObjectMode: true,
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk.toString('latin1')),
  })
  const toBytes = new Transform({
    decodeStrings: false,
    transform: (text: string, _encoding, done) => done(null, Buffer.from(text, 'latin1')),
  })
  return [toText, rewriter as unknown as Transform, toBytes]
}

/** `name="value"` as it stands in the page, whatever its quotes. */
function rewriteAttribute(source: string, rewrite: (url: string) => string): string {
  const [, before, quote = '', value] = /^([^=]*=\s*)(["']?)(.*)\2$/s.exec(source) ?? []
  return before === undefined || value === undefined ? source : `${before}${quote}${rewrite(value.trim())}${quote}`
}
