/** ConfigMaps and Secrets from files and arguments. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isConfigMapKey } from '@davit/api'
import type { AnyObject } from '../session/index.ts'

export interface DataSources {
  /** `key=value` */
  fromLiteral?: readonly string[]
  /** `path`, `key=path`, or a folder whose files all are keys. */
  fromFile?: readonly string[]
  /** Files of lines `KEY=value`. */
  fromEnvFile?: readonly string[]
}

/** Bytes by key. Throws for keys that are none, come twice, or files that cannot be read. */
export async function readData(
  { fromLiteral = [], fromFile = [], fromEnvFile = [] }: DataSources,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Map<string, Buffer>> {
  if (fromEnvFile.length > 0 && (fromLiteral.length > 0 || fromFile.length > 0)) {
    throw new Error('from-env-file cannot be combined with from-file or from-literal')
  }
  const data = new Map<string, Buffer>()
  const add = (key: string, value: Buffer) => {
    const problem = isConfigMapKey(key)
    if (problem) throw new Error(`${JSON.stringify(key)} is not a valid key name: ${problem}`)
    if (data.has(key)) throw new Error(`cannot add key ${JSON.stringify(key)}, another key by that name already exists`)
    data.set(key, value)
  }
  for (const source of fromFile) for (const [key, value] of await readSource(source)) add(key, value)
  for (const literal of fromLiteral) {
    const at = literal.indexOf('=')
    if (at < 1) throw new Error(`invalid literal source ${literal}, expected key=value`)
    add(literal.slice(0, at), Buffer.from(unquote(literal.slice(at + 1))))
  }
  for (const file of fromEnvFile) for (const [key, value] of parseEnvFile(await readFile(file, 'utf8'), env)) add(key, Buffer.from(value))
  return data
}

async function readSource(source: string): Promise<[string, Buffer][]> {
  const at = source.indexOf('=')
  if (at === 0) throw new Error(`key name for file path ${source.slice(1)} missing`)
  if (at === source.length - 1) throw new Error(`file path for key name ${source.slice(0, at)} missing`)
  if (at > 0) return [[source.slice(0, at), await readPath(source.slice(at + 1))]]
  const info = await stat(source).catch((err: NodeJS.ErrnoException) => {
    throw new Error(
      err.code === 'ENOENT' ? `error reading ${source}: no such file or directory` : `error reading ${source}: ${err.message}`,
    )
  })
  if (!info.isDirectory()) return [[basename(source), await readPath(source)]]
  const entries = (await readdir(source, { withFileTypes: true }))
    .filter(entry => entry.isFile())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return Promise.all(entries.map(async ({ name }): Promise<[string, Buffer]> => [name, await readPath(join(source, name))]))
}

async function readPath(path: string): Promise<Buffer> {
  return readFile(path).catch((err: NodeJS.ErrnoException) => {
    throw new Error(err.code === 'ENOENT' ? `error reading ${path}: no such file or directory` : `error reading ${path}: ${err.message}`)
  })
}

/** A key alone takes its value from the environment. */
function parseEnvFile(text: string, env: Readonly<Record<string, string | undefined>>): [string, string][] {
  const found: [string, string][] = []
  for (const raw of text.replace(/^\ufeff/, '').split('\n')) {
    const line = raw.replace(/\r$/, '').trimStart()
    if (line === '' || line.startsWith('#')) continue
    const at = line.indexOf('=')
    found.push(at < 0 ? [line, env[line] ?? ''] : [line.slice(0, at), line.slice(at + 1)])
  }
  return found
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) && text.length >= 2 ? text.slice(1, -1) : text
}

/** What is not text goes into binaryData. */
export function configMapObject(name: string, data: ReadonlyMap<string, Buffer>): AnyObject {
  const entries = [...data].map(([key, value]) => ({ key, text: asText(value), base64: value.toString('base64') }))
  const texts = entries.flatMap(({ key, text }) => (text === undefined ? [] : [[key, text] as const]))
  const binaries = entries.flatMap(({ key, text, base64 }) => (text === undefined ? [[key, base64] as const] : []))
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { creationTimestamp: null, name },
    ...(texts.length > 0 && { data: Object.fromEntries(texts) }),
    ...(binaries.length > 0 && { binaryData: Object.fromEntries(binaries) }),
  } as unknown as AnyObject
}

export function secretObject(name: string, data: ReadonlyMap<string, Buffer>, type?: string): AnyObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { creationTimestamp: null, name },
    ...(data.size > 0 && { data: Object.fromEntries([...data].map(([key, value]) => [key, value.toString('base64')])) }),
    ...(type && { type }),
  } as unknown as AnyObject
}

function asText(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
