import { execFile } from 'node:child_process'

export interface CommandOptions {
  /** Written to its standard input. */
  input?: string
  /** Default 60,000. */
  timeoutMs?: number
  /** A non-zero exit code is an answer, not an error. */
  allowFailure?: boolean
  env?: NodeJS.ProcessEnv
  /** Where it runs; left out: where this process does. */
  cwd?: string
}

export interface CommandResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs a program to its end. Throws, naming the command and what it printed, when it fails or overruns its time. */
export function command(file: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { input, timeoutMs = 60_000, allowFailure = false, env, cwd } = options
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      [...args],
      { timeout: timeoutMs, maxBuffer: 64 << 20, killSignal: 'SIGKILL', ...(env && { env }), ...(cwd !== undefined && { cwd }) },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0
        if (!error || (allowFailure && code > 0)) return resolve({ code, stdout, stderr })
        const said = (stderr || stdout || error.message).trim().split('\n').slice(-3).join(' / ')
        reject(new Error(`Cannot run "${[file, ...args].join(' ')}": ${said}`, { cause: error }))
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(input ?? '')
  })
}
