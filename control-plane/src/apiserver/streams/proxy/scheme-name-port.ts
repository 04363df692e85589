/** The name in a proxy's path: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`. */
export interface SchemeNamePort {
  readonly scheme: 'http' | 'https'
  readonly name: string
  /** A number, or a Service's name for it; empty when not said. */
  readonly port: string
}

/** Undefined for what has another form. Pure. */
export function splitSchemeNamePort(text: string): SchemeNamePort | undefined {
  const parts = text.split(':')
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts]
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme)) return undefined
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port }
}
