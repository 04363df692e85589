/** Flags that many verbs share, described once. */
import { type Command, Option } from 'commander'
import { UsageError } from './errors.ts'

export interface FileOptions {
  filename?: string[]
  recursive?: boolean
}

/** Gathers the values of a flag that may be repeated or hold several, parted by commas. */
export function listOption(value: string, before: string[] = []): string[] {
  return [...before, ...value.split(',')]
}

/** Gathers the values of a flag that may be repeated. */
export function repeatOption(value: string, before: string[] = []): string[] {
  return [...before, value]
}

/** A whole number, in kubectl's words when it is none. */
export function integerOption(flag: string): (value: string) => number {
  return value => {
    if (!/^-?\d+$/.test(value)) {
      throw new Error(`invalid argument "${value}" for "${flag}" flag: strconv.ParseInt: parsing "${value}": invalid syntax`)
    }
    return Number(value)
  }
}

export function withFiles(command: Command, what = 'File, folder or URL with the objects; - is stdin. May be repeated.'): Command {
  return command
    .option('-f, --filename <file>', what, listOption)
    .option('-R, --recursive', 'Also take files in the folders below a folder given with -f.')
    .addOption(new Option('-k, --kustomize <folder>', 'Not supported.').hideHelp())
}

export function withSelector(command: Command): Command {
  return command.option('-l, --selector <labels>', 'Only objects with these labels, such as app=web,tier!=test or "env in (a,b)".')
}

export function withOutput(command: Command, forms = 'json, yaml, name, jsonpath=TEMPLATE, custom-columns=SPEC'): Command {
  return command
    .option('-o, --output <form>', `How to print the result: ${forms}.`)
    .addOption(new Option('--show-managed-fields', 'Keep metadata.managedFields in json and yaml.'))
    .addOption(new Option('--template <template>', 'Template for -o jsonpath.').hideHelp())
}

export function withDryRun(command: Command): Command {
  return command.addOption(
    new Option('--dry-run [mode]', 'client: only print what would be sent; server: have the server check it without storing it.')
      .preset('unchanged')
      .default('none'),
  )
}

export function withFieldManager(command: Command, name: string): Command {
  return command.addOption(new Option('--field-manager <name>', 'Name under which the change is recorded.').default(name))
}

export type DryRun = 'none' | 'client' | 'server'

/** The value of --dry-run, in kubectl's words when it is none of the three. */
export function dryRunOf(value: unknown): DryRun {
  if (value === undefined || value === 'none' || value === 'client' || value === 'server') return value ?? 'none'
  throw new Error(`Invalid dry-run value (${String(value)}). Must be "none", "server", or "client".`)
}

/** ` (dry run)`, ` (server dry run)` or nothing, for the end of a line. */
export function dryRunSuffix(dryRun: DryRun): string {
  return { none: '', client: ' (dry run)', server: ' (server dry run)' }[dryRun]
}

/** Adds examples to the help. */
export function withExamples(command: Command, text: string): Command {
  return command.addHelpText('after', `\nExamples:\n${text.replace(/^\n|\s+$/g, '').replace(/^/gm, '  ')}\n`)
}

/** Refuses `-k`, which nothing here does. */
export function refuseKustomize(options: { kustomize?: string }): void {
  if (options.kustomize) throw new UsageError('-k is not supported; build with "kustomize build DIR" and pipe it into "davit apply -f -"')
}
