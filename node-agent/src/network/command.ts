import { spawn } from 'node:child_process'

export interface CommandOptions {
  /** Written to standard input. */
  input?: string | Buffer
  /** Default 10 s; the process is killed after it. */
  timeoutMs?: number
}

/** A program that ended other than well; `code` is undefined when it could not be started or was killed. */
export class CommandError extends Error {
  readonly code: number | undefined
  readonly stderr: string

  constructor(command: string, code: number | undefined, stderr: string, options?: ErrorOptions) {
    super(`Cannot run "${command}": ${stderr.trim() || `exited with ${code ?? 'a signal'}, wanted 0`}`, options)
    this.name = 'CommandError'
    this.code = code
    this.stderr = stderr
  }
}

/** Runs a program to its end and gives its standard output; throws `CommandError` otherwise. */
export function runCommand(file: string, args: readonly string[], { input, timeoutMs = 10_000 }: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const text = [file, ...args].join(' ')
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {}) // A program that ends without reading tells why in its exit code.
    child.once('error', cause => {
      clearTimeout(timer)
      reject(new CommandError(text, undefined, cause.message, { cause }))
    })
    child.once('close', code => {
      clearTimeout(timer)
      if (code === 0) return resolve(Buffer.concat(out).toString())
      const stderr = late ? `no end after ${timeoutMs} ms` : Buffer.concat(err).toString()
      reject(new CommandError(text, code ?? undefined, stderr))
    })
    child.stdin.end(input)
  })
}
