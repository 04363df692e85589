import { badRequest } from '@davit/api'

/** What a client asks of exec or attach. */
export interface CommandOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
  readonly command: readonly string[]
}

/** Reads PodExecOptions and PodAttachOptions as they come in a query. Throws BadRequest. */
export function parseCommandOptions(query: URLSearchParams, subresource: string): CommandOptions {
  const tty = flag(query, 'tty')
  // A terminal is one stream: Kubernetes drops stderr without a word.
  const options = { stdin: flag(query, 'stdin'), stdout: flag(query, 'stdout'), stderr: flag(query, 'stderr') && !tty, tty }
  if (!options.stdin && !options.stdout && !options.stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
  const command = subresource === 'exec' ? query.getAll('command') : []
  if (subresource === 'exec' && command.length === 0) throw badRequest('you must specify at least 1 command for the container')
  return { ...options, command }
}

/** The same, for the agent. */
export function commandQuery({ command, ...flags }: CommandOptions): URLSearchParams {
  const query = new URLSearchParams()
  for (const part of command) query.append('command', part)
  for (const [name, value] of Object.entries(flags)) query.set(name, String(value))
  return query
}

function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)
  return text !== null && text !== 'false' && text !== '0'
}
