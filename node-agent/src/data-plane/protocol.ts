/** What agent and data plane say to each other: one JSON object a line over a Unix socket. */
import type { Duplex } from 'node:stream'
import type { DnsService } from '../dns/index.ts'

/** Raised when one side could not understand the other; a data plane of another number is replaced. */
export const PROTOCOL = 1

export interface DnsSettings {
  readonly address: string
  readonly port: number
  readonly domain: string
  readonly podCidr: string
  readonly serviceCidr: string
}

export type ToDataPlane =
  /** First of all, and whenever it changes. */
  | { readonly type: 'configure'; readonly dns: DnsSettings }
  /** All that there is. */
  | { readonly type: 'replace'; readonly version: number; readonly services: Readonly<Record<string, DnsService>> }
  /** What changed since the version before. */
  | {
      readonly type: 'update'
      readonly version: number
      readonly set: Readonly<Record<string, DnsService>>
      readonly remove: readonly string[]
    }
  | { readonly type: 'stop' }

export type FromDataPlane =
  | { readonly type: 'hello'; readonly protocol: number; readonly pid: number }
  /** It serves by that version. */
  | { readonly type: 'applied'; readonly version: number }
  /** Undefined: all is well. */
  | { readonly type: 'problem'; readonly problem?: string }

/** A table of ten thousand Services takes some 3 MB. */
const LINE_LENGTH_MAX = 256 * 1024 * 1024

export function writeLine(stream: Duplex, message: ToDataPlane | FromDataPlane): void {
  stream.write(`${JSON.stringify(message)}\n`)
}

/** Calls `handle` for every line, in order; a line that is no JSON ends the connection. */
export function readLines<T>(stream: Duplex, handle: (message: T) => void): void {
  let parts: string[] = []
  let length = 0
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = chunk.split('\n')
    for (const [index, piece] of lines.entries()) {
      parts.push(piece)
      length += piece.length
      if (index === lines.length - 1) break
      const line = parts.join('')
      parts = []
      length = 0
      try {
        handle(JSON.parse(line) as T)
      } catch (err) {
        stream.destroy(err instanceof Error ? err : new Error(String(err)))
        return
      }
    }
    if (length > LINE_LENGTH_MAX) stream.destroy(new Error('Line too long'))
  })
}
