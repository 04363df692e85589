import { type Node, nodeKind } from '@davit/api'
import { Command } from 'commander'
import { type Cli, UsageError, withDryRun, withExamples, withSelector } from '../command-line/index.ts'
import { selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, type ResultPrinter } from '../results/index.ts'
import type { Session } from '../session/index.ts'

interface Options extends ResultOptions {
  selector?: string
}

/** `davit cordon`. */
export function cordonCommand(cli: Cli): Command {
  return withExamples(make(cli, 'cordon', 'Keep new pods off a node.', true), 'davit cordon node-1')
}

/** `davit uncordon`. */
export function uncordonCommand(cli: Cli): Command {
  return withExamples(make(cli, 'uncordon', 'Let new pods onto a node again.', false), 'davit uncordon node-1')
}

function make(cli: Cli, verb: 'cordon' | 'uncordon', description: string, wanted: boolean): Command {
  const command = new Command(verb)
    .description(description)
    .usage('NODE [flags]')
    .argument('[nodes...]', 'Names of nodes.')
    .action(async (names: string[], options: Options) => {
      const result = await createResultPrinter(cli, options)
      const session = await cli.session()
      const nodes = await nodesOf(session, names, { selector: options.selector, verb })
      for (const node of nodes) await setUnschedulable(session, node, { wanted, result })
    })
  return withDryRun(withSelector(command))
}

/** Nodes by name or selector. */
export async function nodesOf(
  session: Session,
  names: readonly string[],
  { selector, verb }: { selector: string | undefined; verb: string },
): Promise<Target[]> {
  if (names.length === 0 && !selector) throw new UsageError(`USAGE: ${verb} NODE [flags]`)
  if (names.length > 0 && selector) throw new Error('error: cannot specify both a node name and a --selector option')
  const args = names.length > 0 ? ['nodes', ...names.map(name => name.replace(/^nodes?\//, ''))] : ['nodes']
  const { targets, failures } = await selectTargets(session, args, { selector })
  throwCollected(failures)
  return targets
}

/** Says `node/x cordoned`, or that it is already. */
export async function setUnschedulable(
  session: Session,
  target: Target,
  { wanted, result }: { wanted: boolean; result: ResultPrinter },
): Promise<void> {
  const node = target.object as unknown as Node
  const done = wanted ? 'cordoned' : 'uncordoned'
  if ((node.spec?.unschedulable ?? false) === wanted) return result.done(target, `already ${done}`, target.object!)
  if (result.dryRun !== 'client') {
    const body = { spec: { unschedulable: wanted ? true : null } }
    await session.client
      .resource(nodeKind)
      .patch({ name: target.name }, { type: 'strategic', body }, { dryRun: result.dryRun === 'server' })
  }
  result.done(target, done, target.object!)
}
