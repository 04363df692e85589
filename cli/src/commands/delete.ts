import { deadlineSignal, isReason, parseDuration } from '@davit/api'
import { Command, Option } from 'commander'
import { withSource } from '../apply/index.ts'
import {
  type Cli,
  type DryRun,
  dryRunOf,
  dryRunSuffix,
  integerOption,
  refuseKustomize,
  withDryRun,
  withExamples,
  withFiles,
  withSelector,
} from '../command-line/index.ts'
import { type DeletionOptions, type DeletionTarget, deleteObject, waitUntilGone } from '../deletion/index.ts'
import { readManifests } from '../manifests/index.ts'
import { collect, listTargets, placesOf, resolveQueries, throwCollected } from '../resources/index.ts'
import { objectLabel, type Session, typeLabel } from '../session/index.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  kustomize?: string
  selector?: string
  fieldSelector?: string
  all?: boolean
  allNamespaces?: boolean
  now?: boolean
  force?: boolean
  gracePeriod: number
  wait: boolean
  timeout: string
  ignoreNotFound?: boolean
  cascade: string
  dryRun?: unknown
  output?: string
}

/** `davit delete`. */
export function deleteCommand(cli: Cli): Command {
  const command = new Command('delete')
    .description('Delete objects, and wait until they are gone.')
    .usage('(-f FILE | TYPE (NAME ... | -l SELECTOR | --all)) [flags]')
    .argument('[resources...]', 'Types and names, or TYPE/NAME.')
    .option('--all', 'All objects of the type in this namespace.')
    .option('-A, --all-namespaces', 'With --all or a selector: of all namespaces.')
    .option('--field-selector <fields>', 'Only objects with these fields.')
    .option('--now', 'Give programs one second to end.')
    .option('--grace-period <seconds>', 'Give programs so long to end; -1: what their manifests say.', integerOption('--grace-period'), -1)
    .option('--force', 'Do not wait for the node: the object goes at once, the program perhaps later.')
    .option('--wait', 'Wait until the objects are gone.', true)
    .option('--timeout <duration>', 'Wait no longer than this, such as 30s; 0: as long as it takes.', '0s')
    .option('--ignore-not-found', 'Say nothing about objects that do not exist.')
    .addOption(
      new Option('--cascade [how]', 'What becomes of what it owns: background, foreground or orphan.')
        .preset('background')
        .default('background'),
    )
    .option('-o, --output <form>', 'name: print only TYPE/NAME.')
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withDryRun(withSelector(withFiles(command)))
  return withExamples(
    command,
    `
davit delete -f web.yaml                What a manifest names
davit delete pod web-1 web-2            By name
davit delete pods,services -l app=web   By label
davit delete pods --all                 All of this namespace
davit delete pod web-1 --now            With one second to end
davit delete namespace staging          With all that is in it`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  refuseKustomize(options)
  const dryRun = dryRunOf(options.dryRun)
  if (options.output && options.output !== 'name')
    throw new Error(`unexpected -o output mode: ${options.output}. We only support '-o name'`)
  if (options.all && options.selector) throw new Error("setting 'all' parameter but found a non empty selector. ")
  const timeoutMs = parseDuration(options.timeout)
  const graceSeconds = graceSecondsOf(options)
  const isLenient = options.ignoreNotFound ?? Boolean(options.all || options.selector || options.fieldSelector)
  const session = await cli.session()
  const failures: unknown[] = []
  const targets = await targetsOf(cli, session, args, options, failures)
  if (targets.length === 0 && failures.length === 0) cli.print('No resources found\n')
  if (graceSeconds === 0 && options.force) {
    cli.warn(
      'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
    )
  }
  const deletion: DeletionOptions = {
    gracePeriodSeconds: graceSeconds,
    propagationPolicy: policyOf(options.cascade),
    dryRun: dryRun === 'server',
  }
  const going: { target: DeletionTarget; uid: string | undefined }[] = []
  for (const target of targets) {
    await collect(failures, async () => {
      try {
        const uid =
          dryRun === 'client'
            ? undefined
            : await deleteObject(session, target, deletion).catch(target.source ? withSource('deleting', target.source) : rethrow)
        say(cli, target, options, dryRun)
        going.push({ target, uid })
      } catch (err) {
        if (!(isLenient && isReason(err, 'NotFound'))) throw err
      }
    })
  }
  if (options.wait && dryRun === 'none') await collect(failures, () => waitForAll(session, going, timeoutMs))
  throwCollected(failures)
}

function rethrow(err: unknown): never {
  throw err
}

/** 0 without --force becomes 1, so that the node still ends the program before the object goes. */
function graceSecondsOf({ now, force, gracePeriod }: Options): number {
  if (now) {
    if (gracePeriod !== -1) throw new Error('--now and --grace-period cannot be specified together')
    return 1
  }
  if (force && gracePeriod > 0) throw new Error('--force and --grace-period greater than 0 cannot be specified together')
  if (force) return 0
  return gracePeriod === 0 ? 1 : gracePeriod
}

function policyOf(cascade: string): 'Background' | 'Foreground' | 'Orphan' {
  const policies = { background: 'Background', true: 'Background', foreground: 'Foreground', orphan: 'Orphan', false: 'Orphan' } as const
  const policy = policies[cascade as keyof typeof policies]
  if (!policy) throw new Error(`Invalid cascade value (${cascade}). Must be "background", "foreground", or "orphan".`)
  return policy
}

async function targetsOf(cli: Cli, session: Session, args: string[], options: Options, failures: unknown[]): Promise<DeletionTarget[]> {
  if (options.filename) {
    if (args.length > 0)
      throw new Error('when paths, URLs, or stdin is provided as resource input, you may not specify resource arguments as well')
    const manifests = await readManifests(options.filename, { recursive: options.recursive ?? false, stdin: cli.stdin })
    return placesOf(session, manifests, failures)
  }
  const queries = await resolveQueries(session, args, options)
  if (queries.length === 0) {
    throw new Error(
      "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
    )
  }
  if (options.all && queries.some(({ name }) => name !== undefined)) throw new Error('name cannot be provided when a selector is specified')
  const isBare = queries.some(({ name }) => name === undefined)
  if (isBare && !options.all && !options.selector && !options.fieldSelector)
    throw new Error('resource(s) were provided, but no name was specified')
  const targets: DeletionTarget[] = []
  for (const query of queries) {
    const { name } = query
    if (name !== undefined) targets.push({ ...query, name })
    else await collect(failures, async () => void targets.push(...(await listTargets(session, query, options))))
  }
  return targets
}

function say(cli: Cli, { type, name }: DeletionTarget, { output, force }: Options, dryRun: DryRun): void {
  if (output === 'name') cli.print(`${objectLabel(type, name)}\n`)
  else cli.print(`${typeLabel(type)} "${name}" ${force ? 'force deleted' : 'deleted'}${dryRunSuffix(dryRun)}\n`)
}

async function waitForAll(
  session: Session,
  going: readonly { target: DeletionTarget; uid: string | undefined }[],
  timeoutMs: number,
): Promise<void> {
  const signal = timeoutMs > 0 ? deadlineSignal(timeoutMs) : undefined
  for (const { target, uid } of going) {
    try {
      await waitUntilGone(session, target, uid, signal)
    } catch (err) {
      if (signal?.aborted) throw new Error(`timed out waiting for the condition on ${target.type.plural}/${target.name}`)
      throw err
    }
  }
}
