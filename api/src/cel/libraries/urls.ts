import type { Environment } from '@marcbachmann/cel-js'
import type { Comparable } from '../values.ts'

/** RFC 3986, appendix B, without a fragment: that is none of a request. */
const PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?(.*))?$/s
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\u0000-\u0020\u007f]/

class Url implements Comparable {
  readonly text: string
  readonly scheme: string
  /** With the port. */
  readonly host: string
  readonly path: string
  readonly query: string

  constructor(text: string) {
    if (!isUrl(text))
      throw new Error(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`)
    const [, scheme = '', authority = '', path = '', query = ''] = PARTS.exec(text) ?? []
    this.text = text
    this.scheme = scheme.toLowerCase()
    this.host = authority.slice(authority.lastIndexOf('@') + 1)
    this.path = path
    this.query = query
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? ''
  }

  get hostname(): string {
    return this.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
  }

  get escapedPath(): string {
    return this.path.replace(/[^\x21-\x7e]/gu, letter => encodeURIComponent(letter))
  }

  parameters(): Record<string, string[]> {
    const found: Record<string, string[]> = Object.create(null)
    for (const [name, value] of new URLSearchParams(this.query)) {
      found[name] ??= []
      found[name].push(value)
    }
    return found
  }

  isSame(other: unknown): boolean {
    return other instanceof Url && other.text === this.text
  }
}

/** As Go reads request URIs: absolute, or a path from the root. */
export function isUrl(text: string): boolean {
  if (FORBIDDEN.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return false
  const [, scheme, authority = '', path = ''] = PARTS.exec(text) ?? []
  if (scheme === undefined && !path.startsWith('/')) return false
  return /^(?:[^@]*@)?(?:\[[0-9a-fA-F:.%]+\]|[^:[\]]*)(?::\d*)?$/.test(authority)
}

export function withUrls(environment: Environment): Environment {
  const url = 'net.URL'
  return environment
    .registerType(url, { ctor: Url, fields: {} })
    .registerOperator(`${url} == ${url}`, (a: Url, b: Url) => a.isSame(b))
    .registerFunction(`url(string): ${url}`, (text: string) => new Url(text))
    .registerFunction('isURL(string): bool', isUrl)
    .registerFunction(`${url}.getScheme(): string`, ({ scheme }: Url) => scheme)
    .registerFunction(`${url}.getHost(): string`, ({ host }: Url) => host)
    .registerFunction(`${url}.getHostname(): string`, ({ hostname }: Url) => hostname)
    .registerFunction(`${url}.getPort(): string`, ({ port }: Url) => port)
    .registerFunction(`${url}.getEscapedPath(): string`, ({ escapedPath }: Url) => escapedPath)
    .registerFunction(`${url}.getQuery(): map<string, list<string>>`, (of: Url) => of.parameters())
}
