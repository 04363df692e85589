import { Command, type CommanderError } from 'commander'
import type { Cli, GlobalFlags } from './cli.ts'
import { ExitError } from './errors.ts'

/** Makes one verb. */
export type CommandMaker = (cli: Cli) => Command

const DESCRIPTION = `davit runs containers on a cluster of Docker hosts, and speaks the Kubernetes API.

Its verbs are kubectl's: what you know from there works here the same way.`

/** The program with its global flags, without verbs. */
export function createProgram(version: string): Command {
  return new Command('davit')
    .description(DESCRIPTION)
    .usage('VERB [flags]')
    .version(version, '--version', 'Print the version of this program.')
    .option('--kubeconfig <file>', 'Kubeconfig to use instead of $KUBECONFIG, $DAVIT_HOME/kubeconfig and ~/.kube/config.')
    .option('--context <name>', 'Context of the kubeconfig to use.')
    .option('--cluster <name>', 'Cluster of the kubeconfig to use.')
    .option('--user <name>', 'User of the kubeconfig to use.')
    .option('-n, --namespace <name>', 'Namespace to work in.')
    .option('-s, --server <url>', 'Address of the API, https://host:port.')
    .option('--token <token>', 'Bearer token to show to the server.')
    .option('--certificate-authority <file>', 'CA the server must be known by.')
    .option('--client-certificate <file>', 'Certificate to show to the server.')
    .option('--client-key <file>', 'Key of that certificate.')
    .option('-v, --verbosity <level>', '6 and above: print each request and its answer on stderr.')
    .addHelpText('after', '\nUse "davit VERB --help" for what a verb does and examples of it.\n')
    .showSuggestionAfterError(true)
}

/** Makes commander throw instead of ending the process, with kubectl's words, in `program` and all below it. */
export function useOwnErrors(command: Command, { stdout, stderr }: Pick<Cli, 'stdout' | 'stderr'>): void {
  command.exitOverride(error => {
    throw ownError(error, command)
  })
  command.configureOutput({ writeOut: text => stdout.write(text), writeErr: text => stderr.write(text), outputError: () => {} })
  command.configureHelp({ showGlobalOptions: false, helpWidth: Math.min(stdout.columns ?? 100, 110) })
  for (const child of command.commands) useOwnErrors(child, { stdout, stderr })
}

/** The verb as the user typed it, for "See …". */
export function commandPath(command: Command): string {
  return command.parent ? `${commandPath(command.parent)} ${command.name()}` : command.name()
}

function ownError(error: CommanderError, command: Command): Error {
  const see = `See '${commandPath(command)} --help' for usage.`
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? ''
  switch (error.code) {
    case 'commander.help':
    case 'commander.helpDisplayed':
    case 'commander.version':
      return new ExitError(error.exitCode)
    case 'commander.unknownOption': {
      const kind = quoted.startsWith('--') ? `unknown flag: ${quoted.split('=')[0]}` : `unknown shorthand flag: '${quoted[1]}' in ${quoted}`
      return new ExitError(1, `error: ${kind}\n${see}`)
    }
    case 'commander.optionMissingArgument':
      return new ExitError(1, `error: flag needs an argument: ${quoted.split(/[ ,]/).at(-2) ?? quoted}\n${see}`)
    case 'commander.unknownCommand': {
      const hint = /Did you mean (.*)\?/.exec(error.message)?.[1]
      const meant = hint
        ? `\n\nDid you mean this?\n\t${hint
            .replace(/^one of /, '')
            .split(', ')
            .join('\n\t')}`
        : `\n${see}`
      return new ExitError(1, `error: unknown command "${quoted}" for "${commandPath(command)}"${meant}`)
    }
    default:
      return new ExitError(error.exitCode || 1, error.message.startsWith('error: ') ? `${error.message}\n${see}` : error.message)
  }
}

/** The global flags as commander read them. */
export function globalFlagsOf(program: Command): GlobalFlags {
  return program.opts<GlobalFlags>()
}
