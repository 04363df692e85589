/** Flags in a YAML file: their names without dashes; those that may be repeated as a list, labels also as a map. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { type AgentOptions, isMany, optionsOf, parseFlags, SETTINGS, type Settings, UsageError } from './options.ts'

export interface ReadOptions {
  /** Every setting of file and flags, as text. */
  readonly settings: Settings
  readonly options: AgentOptions
  /** A join token that stood in the file; only what installs may be told one so. */
  readonly token: string | undefined
}

/** What flags, and the file that `--config` names (`-`: standard input), say together. Throws UsageError, which names the flag or the key. */
export async function readOptions(
  args: readonly string[],
  { withServer = true, takesToken = false, defaults = {} }: { withServer?: boolean; takesToken?: boolean; defaults?: Settings } = {},
): Promise<ReadOptions | 'help' | 'version'> {
  const { help, version, config, ...flags } = parseFlags(args)
  if (help) return 'help'
  if (version) return 'version'
  const { token, ...file } = config === undefined ? {} : await readSettings(config, takesToken)
  const place = config === '-' ? 'standard input' : config
  const settings = { ...defaults, ...file, ...flags }
  const name = (flag: string) => (flag in file && !(flag in flags) ? `${place}: ${flag}` : `--${flag}`)
  return { settings, options: optionsOf(settings, { withServer, name }), token }
}

async function readSettings(path: string, takesToken: boolean): Promise<Settings & { token?: string }> {
  let content: string
  try {
    content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
  } catch (err) {
    throw new UsageError(`--config ${path} cannot be read: ${(err as NodeJS.ErrnoException).code}`)
  }
  return parseSettings(content, { path: path === '-' ? 'standard input' : path, takesToken })
}

/** Throws UsageError. */
export async function parseSettings(
  content: string,
  { path, takesToken = false }: { path: string; takesToken?: boolean },
): Promise<Settings & { token?: string }> {
  // Only those who have a file need the parser in memory.
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(content) ?? {}
  } catch (err) {
    throw new UsageError(`${path} is not YAML: ${(err as Error).message.split('\n')[0]}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageError(`${path} must hold "key: value" lines`)
  const known: readonly string[] = takesToken ? [...SETTINGS, 'token'] : SETTINGS
  return Object.fromEntries(
    Object.entries(value).map(([key, given]) => {
      if (!known.includes(key)) throw new UsageError(`${path}: ${key} is no setting: want one of ${known.join(', ')}`)
      return [key, isMany(key) ? manyOf(given, `${path}: ${key}`) : oneOf(given, `${path}: ${key}`)]
    }),
  )
}

function oneOf(value: unknown, name: string): string {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new UsageError(`${name} must be text or a number, found ${JSON.stringify(value)}`)
  return String(value)
}

function manyOf(value: unknown, name: string): string[] {
  if (Array.isArray(value)) return value.map(item => oneOf(item, name))
  if (typeof value !== 'object' || value === null) return [oneOf(value, name)]
  return Object.entries(value).map(([key, item]) => `${key}=${oneOf(item, `${name}.${key}`)}`)
}
