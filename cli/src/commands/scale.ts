import { deadlineSignal, parseDuration } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, withDryRun, withExamples, withFiles, withOutput, withSelector } from '../command-line/index.ts'
import { collect, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, writeQuery } from '../results/index.ts'
import { type Session, valueAt } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  selector?: string
  all?: boolean
  replicas?: number
  currentReplicas?: number
  resourceVersion?: string
  timeout: string
}

/** `davit scale`. */
export function scaleCommand(cli: Cli): Command {
  const command = new Command('scale')
    .description('Set how many pods a Deployment or ReplicaSet has.')
    .usage('--replicas=COUNT (-f FILE | TYPE NAME) [flags]')
    .argument('[resources...]', 'Type and names, or TYPE/NAME.')
    .option('--replicas <count>', 'How many there shall be.', integerOption('--replicas'))
    .option('--current-replicas <count>', 'Only if there shall be so many now.', integerOption('--current-replicas'))
    .option('--resource-version <version>', 'Only if the object is at this version.')
    .option('--timeout <duration>', 'Wait so long until there are that many; 0s: do not wait.', '0s')
    .option('--all', 'All objects of the type in this namespace.')
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withDryRun(withOutput(withSelector(withFiles(command))))
  return withExamples(
    command,
    'davit scale deployment/web --replicas=5\ndavit scale deployment web --replicas=5 --current-replicas=3\ndavit scale -f web.yaml --replicas=0',
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const { replicas } = options
  if (replicas === undefined) throw new Error('required flag(s) "replicas" not set')
  if (replicas < 0) throw new Error('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0')
  const result = await createResultPrinter(cli, options)
  const timeoutMs = parseDuration(options.timeout)
  const session = await cli.session()
  const { targets, failures } = await selectTargets(session, args, {
    files: options.filename,
    recursive: options.recursive,
    stdin: cli.stdin,
    selector: options.selector,
    all: options.all,
  })
  if (targets.length === 0 && failures.length === 0) throw new Error('no objects passed to scale')
  for (const target of targets) {
    await collect(failures, async () => {
      checkPreconditions(target, options)
      if (result.dryRun === 'client') return result.done(target, 'scaled', target.object!)
      const place = { namespace: target.namespace, name: target.name, subresource: 'scale' }
      await session.api.patch(
        target.type,
        place,
        { type: 'merge', body: { spec: { replicas } } },
        { query: writeQuery(result, 'kubectl-scale') },
      )
      if (timeoutMs > 0) await waitForReplicas(session, target, { replicas, timeoutMs })
      result.done(target, 'scaled', options.output ? await session.api.get(target.type, target) : target.object!)
    })
  }
  throwCollected(failures)
}

function checkPreconditions({ object }: Target, { currentReplicas, resourceVersion }: Options): void {
  const current = valueAt(object, 'spec', 'replicas')
  if (currentReplicas !== undefined && currentReplicas >= 0 && current !== currentReplicas) {
    throw new Error(`Expected replicas to be ${currentReplicas}, was ${String(current)}`)
  }
  if (resourceVersion && object?.metadata.resourceVersion !== resourceVersion) {
    throw new Error(`Expected resource version to be ${resourceVersion}, was ${object?.metadata.resourceVersion}`)
  }
}

async function waitForReplicas(
  session: Session,
  { type, namespace, name }: Target,
  { replicas, timeoutMs }: { replicas: number; timeoutMs: number },
): Promise<void> {
  const signal = deadlineSignal(timeoutMs)
  const query = { fieldSelector: `metadata.name=${name}` }
  try {
    while (!signal.aborted) {
      for await (const { object } of session.api.watch(type, { namespace }, { query, signal })) {
        if ((valueAt(object, 'status', 'replicas') ?? 0) === replicas) return
      }
    }
  } catch (err) {
    if (!signal.aborted) throw err
  }
  throw new Error('timed out waiting for the condition')
}
