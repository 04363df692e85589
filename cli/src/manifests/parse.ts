import { LineCounter, parseAllDocuments } from 'yaml'
import { type AnyObject, isJsonObject } from '../session/index.ts'
import { KUBERNETES_YAML } from './kubernetes-yaml.ts'

export interface ManifestObject {
  readonly object: AnyObject
  /** File, URL or `STDIN`. */
  readonly source: string
}

/**
 * The objects of one file: YAML with any number of documents, or JSON; Lists are opened. YAML is read as Kubernetes reads it,
 * version 1.1: `yes` is true and `0644` is 420, but `12:30` and dates stay text. Errors name file, line and column.
 */
export function parseManifests(text: string, source: string): ManifestObject[] {
  const lineCounter = new LineCounter()
  const documents = parseAllDocuments(text, { ...KUBERNETES_YAML, lineCounter, prettyErrors: true })
  if (!Array.isArray(documents)) return []
  const found: ManifestObject[] = []
  for (const document of documents) {
    const problem = document.errors[0]
    if (problem) {
      const { line, col } = problem.linePos?.[0] ?? lineCounter.linePos(problem.pos[0])
      // The library's message ends in its own "at line …" and a picture of the place.
      const [message = '', ...picture] = problem.message.split('\n')
      const what = message.replace(/ at line \d+, column \d+:?$/, '')
      throw new Error([`error parsing ${source}: line ${line}, column ${col}: ${what}`, ...picture].join('\n').trimEnd())
    }
    const start = document.contents?.range?.[0]
    const value = withPlainNumbers(document.toJS({ maxAliasCount: 100 }))
    if (value === null || value === undefined) continue
    found.push(...open(value, source, start === undefined ? 1 : lineCounter.linePos(start).line))
  }
  return found
}

/** Sets, maps and big numbers that YAML 1.1 can make, as JSON has them. */
function withPlainNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(withPlainNumbers)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withPlainNumbers(member)]))
}

function open(value: unknown, source: string, line: number): ManifestObject[] {
  const where = `unable to decode "${source}": line ${line}`
  if (!isJsonObject(value))
    throw new Error(`${where}: want an object with apiVersion and kind, found ${JSON.stringify(value)?.slice(0, 60)}`)
  if (typeof value.kind !== 'string' || value.kind === '')
    throw new Error(`${where}: Object 'Kind' is missing in '${JSON.stringify(value).slice(0, 200)}'`)
  if (typeof value.apiVersion !== 'string' || value.apiVersion === '') {
    throw new Error(`${where}: Object 'apiVersion' is missing in '${JSON.stringify(value).slice(0, 200)}'`)
  }
  if (value.kind.endsWith('List') && Array.isArray(value.items)) return value.items.flatMap(item => open(item, source, line))
  if (value.metadata !== undefined && !isJsonObject(value.metadata)) throw new Error(`${where}: metadata is not an object`)
  const { apiVersion, kind, metadata } = value
  return [{ object: { ...value, apiVersion, kind, metadata: { ...metadata } }, source }]
}
