import { parseLabelSelector } from '@davit/api'
import { Command, Option } from 'commander'
import { type ApplyResult, applyManifests } from '../apply/index.ts'
import {
  type Cli,
  dryRunOf,
  dryRunSuffix,
  refuseKustomize,
  UsageError,
  withDryRun,
  withExamples,
  withFiles,
  withOutput,
  withSelector,
} from '../command-line/index.ts'
import { createObjectPrinter } from '../printers/index.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  kustomize?: string
  selector?: string
  dryRun?: unknown
  serverSide?: boolean
  forceConflicts?: boolean
  force?: boolean
  fieldManager?: string
  output?: string
  showManagedFields?: boolean
  validate?: string
  overwrite?: boolean
}

/** `davit apply`. */
export function applyCommand(cli: Cli): Command {
  const command = new Command('apply')
    .description('Make the cluster have what manifests say: create what is missing, change what differs.')
    .usage('-f FILE [flags]')
    .argument('[none...]', '')
    .option('--server-side', 'Let the server merge, and keep track of who set which field.')
    .option('--force-conflicts', 'With --server-side: take over fields that others set.')
    .option('--force', 'Delete and create again what cannot be changed.')
    .option('--field-manager <name>', 'Name under which the change is recorded.')
    .option('--overwrite', 'Set fields back that others changed.', true)
    .addOption(
      new Option('--validate [mode]', 'strict, warn or ignore: what to do about unknown fields.').preset('strict').default('strict'),
    )
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withDryRun(withOutput(withSelector(withFiles(command))))
  return withExamples(
    command,
    `
davit apply -f web.yaml                 One file, with one or many objects
davit apply -f manifests/ -R            All files of a folder and those below it
cat web.yaml | davit apply -f -         From another program
davit apply -f web.yaml --dry-run=server  What would happen, checked by the server
davit apply -f web.yaml -n staging      Into another namespace`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  if (args.length > 0) throw new UsageError(`Unexpected args: [${args.join(' ')}]`)
  refuseKustomize(options)
  if (!options.filename) throw new Error('must specify one of -f and -k')
  const dryRun = dryRunOf(options.dryRun)
  if (options.serverSide && dryRun === 'client')
    throw new Error("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
  if (options.forceConflicts && !options.serverSide) throw new Error('--force-conflicts only works with --server-side')
  const selector = options.selector ? parseLabelSelector(options.selector) : undefined
  const printer = await createObjectPrinter(options.output, options)
  const session = await cli.session()
  const printed: ApplyResult[] = []
  try {
    await applyManifests(
      session,
      { files: options.filename, recursive: options.recursive ?? false, stdin: cli.stdin },
      {
        dryRun,
        validation: validationOf(options.validate),
        ...(options.serverSide && { serverSide: true }),
        ...(options.forceConflicts && { forceConflicts: true }),
        ...(options.force && { force: true }),
        ...(options.fieldManager && { fieldManager: options.fieldManager }),
        ...(options.overwrite === false && { overwrite: false }),
        ...(selector && { filter: ({ object }) => selector.matches(object.metadata.labels ?? {}) }),
        onWarning: text => cli.warn(`Warning: ${text}\n`),
        onResult: result => {
          if (printer) printed.push(result)
          else cli.print(`${result.label} ${result.operation}${dryRunSuffix(dryRun)}\n`)
        },
      },
    )
  } finally {
    if (printer && printed.length > 0)
      cli.print(
        printer.print(
          printed.map(({ object }) => object),
          { asList: printed.length > 1 && options.output !== 'name' },
        ),
      )
  }
}

function validationOf(value: string | undefined): 'Strict' | 'Warn' | 'Ignore' {
  switch (value) {
    case undefined:
    case 'strict':
    case 'true':
      return 'Strict'
    case 'warn':
      return 'Warn'
    case 'ignore':
    case 'false':
      return 'Ignore'
    default:
      throw new Error(`Invalid - validate option ${value}`)
  }
}
