import { deadlineSignal, parseDuration, parseLabelSelector } from '@davit/api'
import { Command, Option } from 'commander'
import { type Cli, integerOption, withDryRun, withExamples, withSelector } from '../command-line/index.ts'
import { type DrainOptions, drainNode } from '../drain/index.ts'
import { createResultPrinter } from '../results/index.ts'
import { nodesOf, setUnschedulable } from './cordon.ts'

interface Options {
  selector?: string
  podSelector?: string
  ignoreDaemonsets?: boolean
  deleteEmptydirData?: boolean
  force?: boolean
  disableEviction?: boolean
  gracePeriod: number
  timeout: string
  skipWaitForDeleteTimeout?: number
  chunkSize?: number
  dryRun?: unknown
}

/** `davit drain`. */
export function drainCommand(cli: Cli): Command {
  const command = new Command('drain')
    .description('Empty a node for maintenance: keep new pods off it and move those it has.')
    .usage('NODE [flags]')
    .argument('[nodes...]', 'Names of nodes.')
    .option('--ignore-daemonsets', 'Leave pods of DaemonSets where they are.')
    .option('--delete-emptydir-data', 'Also pods whose emptyDir volumes are lost with them.')
    .option('--force', 'Also pods that nothing will start elsewhere.')
    .option('--disable-eviction', 'Delete pods instead of evicting them: disruption budgets are not asked.')
    .option('--grace-period <seconds>', 'Give programs so long to end; -1: what pods say themselves.', integerOption('--grace-period'), -1)
    .option('--timeout <duration>', 'Give up after this; 0s: never.', '0s')
    .option('--pod-selector <labels>', 'Only pods with these labels.')
    .addOption(
      new Option('--skip-wait-for-delete-timeout <seconds>', 'Kept for scripts.')
        .argParser(integerOption('--skip-wait-for-delete-timeout'))
        .hideHelp(),
    )
    .addOption(new Option('--chunk-size <size>', 'Kept for scripts.').argParser(integerOption('--chunk-size')).hideHelp())
    .action(async (names: string[], options: Options) => run(cli, names, options))
  withDryRun(withSelector(command))
  return withExamples(
    command,
    'davit drain node-1 --ignore-daemonsets\ndavit drain node-1 --delete-emptydir-data --timeout=2m\ndavit uncordon node-1                   When the work is done',
  )
}

async function run(cli: Cli, names: string[], options: Options): Promise<void> {
  const timeoutMs = parseDuration(options.timeout)
  const result = await createResultPrinter(cli, { dryRun: options.dryRun })
  const session = await cli.session()
  const nodes = await nodesOf(session, names, { selector: options.selector, verb: 'drain' })
  for (const node of nodes) await setUnschedulable(session, node, { wanted: true, result })
  const drain: DrainOptions = {
    ignoreDaemonSets: options.ignoreDaemonsets === true,
    deleteEmptyDirData: options.deleteEmptydirData === true,
    force: options.force === true,
    evicts: !options.disableEviction,
    dryRun: result.dryRun,
    print: text => cli.print(text),
    warn: text => cli.warn(text),
    ...(options.gracePeriod >= 0 && { gracePeriodSeconds: options.gracePeriod }),
    ...(options.podSelector && { podSelector: parseLabelSelector(options.podSelector).toString() }),
    ...(timeoutMs > 0 && { signal: deadlineSignal(timeoutMs), timeoutText: options.timeout }),
  }
  for (const { name } of nodes) {
    await drainNode(session, name, drain)
    result.done({ type: { group: '', kind: 'Node' }, name }, 'drained', { apiVersion: 'v1', kind: 'Node', metadata: { name } })
  }
}
