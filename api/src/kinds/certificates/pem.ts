/** Text that holds certificates or requests for them, block by block. */
import { X509Certificate } from 'node:crypto'

export interface PemBlock {
  /** Such as `CERTIFICATE`. */
  readonly type: string
  readonly hasHeaders: boolean
  /** The whole block, with its first and last line. */
  readonly text: string
}

const BLOCK = /-----BEGIN ([^\n-]+)-----\r?\n([\s\S]*?)-----END \1-----/g

/** What stands between blocks is passed over. */
export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].map(([text, type = '', body = '']) => ({ type, hasHeaders: body.includes(':'), text }))
}

/** The certificate in a block; undefined when it is none. */
export function certificateIn({ text }: PemBlock): X509Certificate | undefined {
  try {
    return new X509Certificate(text)
  } catch {
    return undefined
  }
}
