#!/usr/bin/env node
/** The `davit` command: reads the command line, runs one verb, and ends with kubectl's exit codes. */
import { readFileSync } from 'node:fs'
import {
  addNegations,
  commandPath,
  commandsOf,
  createCli,
  createProgram,
  describeError,
  ExitError,
  globalFlagsOf,
  normalizeArguments,
  splitArguments,
  useOwnErrors,
} from './command-line/index.ts'
import { commandGroups } from './commands/index.ts'

async function main(args: readonly string[]): Promise<number> {
  const { own, afterDashes } = splitArguments(args)
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  const program = createProgram(version)
  const { stdin, stdout, stderr, env } = process
  const { cli, opened } = createCli({ stdin, stdout, stderr, env, afterDashes, flags: () => globalFlagsOf(program) })
  for (const { heading, commands } of commandGroups(version)) for (const make of commands) program.addCommand(make(cli).helpGroup(heading))
  addNegations(program)
  useOwnErrors(program, cli)
  try {
    if (own.length === 0) program.outputHelp()
    else await program.parseAsync(normalizeArguments(own, program), { from: 'user' })
    return 0
  } catch (error) {
    const server = opened()?.server
    const command = commandPath(commandsOf(own, program).at(-1)!)
    const text = describeError(error, { ...(server && { server }), command })
    if (text) stderr.write(`${text}\n`)
    return error instanceof ExitError ? error.exitCode : 1
  } finally {
    opened()?.close()
  }
}

/** Ends the process once what was written is out: a pipe takes its time. */
function finish(exitCode: number): void {
  process.exitCode = exitCode
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)))
}

// A reader such as `head` that has enough is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
finish(await main(process.argv.slice(2)))
