import { type Node, parseTaint, type Taint } from '@davit/api'
import { Command } from 'commander'
import { type Cli, UsageError, withDryRun, withExamples, withFieldManager, withOutput, withSelector } from '../command-line/index.ts'
import { collect, selectTargets, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, writeQuery } from '../results/index.ts'

interface Options extends ResultOptions {
  selector?: string
  all?: boolean
  overwrite?: boolean
  fieldManager: string
}

/** `davit taint`. */
export function taintCommand(cli: Cli): Command {
  const command = new Command('taint')
    .description('Keep pods off nodes unless they tolerate it.')
    .usage('node NAME KEY=VALUE:EFFECT ... KEY:EFFECT- ... [flags]')
    .argument('[arguments...]', 'node, names, then taints; with - at the end one is taken away.')
    .option('--overwrite', 'Change the value of taints that are there.')
    .option('--all', 'All nodes.')
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withFieldManager(withDryRun(withOutput(withSelector(command))), 'kubectl-taint')
  return withExamples(
    command,
    'davit taint node node-1 disk=slow:NoSchedule\ndavit taint node node-1 disk:NoSchedule-    Take it away\ndavit taint node node-1 disk-               With every effect',
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const first = args.findIndex((arg, at) => at > 0 && (arg.includes('=') || arg.includes(':') || arg.endsWith('-')))
  const resources = first < 0 ? args : args.slice(0, first)
  const specs = first < 0 ? [] : args.slice(first)
  if (resources.length === 0 || specs.length === 0) throw new UsageError('at least one taint update is required')
  const added = specs.filter(spec => !spec.endsWith('-')).map(parseTaint)
  const removed = specs
    .filter(spec => spec.endsWith('-'))
    .map(spec => ({ key: spec.slice(0, -1).split(/[=:]/)[0]!, effect: spec.slice(0, -1).split(':')[1] }))
  const result = await createResultPrinter(cli, options)
  const session = await cli.session()
  const { targets, failures } = await selectTargets(session, resources, { selector: options.selector, all: options.all })
  for (const target of targets) {
    await collect(failures, async () => {
      if (target.type.plural !== 'nodes') throw new Error(`invalid resource type ${target.type.plural}, only node(s) is supported`)
      const present = (target.object as unknown as Node).spec?.taints ?? []
      const taken = added.find(taint => present.some(({ key, effect }) => key === taint.key && effect === taint.effect))
      if (taken && !options.overwrite)
        throw new Error(`node ${target.name} already has ${taken.key} taint(s) with same effect(s) and --overwrite is false`)
      const isRemoved = (taint: Taint) => removed.some(({ key, effect }) => key === taint.key && (!effect || effect === taint.effect))
      const missing = removed.find(({ key, effect }) => !present.some(taint => taint.key === key && (!effect || effect === taint.effect)))
      if (missing) throw new Error(`taint "${missing.key}${missing.effect ? `:${missing.effect}` : ''}" not found`)
      const kept = present.filter(
        taint => !isRemoved(taint) && !added.some(({ key, effect }) => key === taint.key && effect === taint.effect),
      )
      const operation = removed.length > 0 ? (added.length > 0 ? 'modified' : 'untainted') : taken ? 'modified' : 'tainted'
      if (result.dryRun === 'client') return result.done(target, operation, target.object!)
      const body = { spec: { taints: [...kept, ...added] }, metadata: { resourceVersion: target.object!.metadata.resourceVersion } }
      result.done(
        target,
        operation,
        await session.api.patch(target.type, target, { type: 'merge', body }, { query: writeQuery(result, options.fieldManager) }),
      )
    })
  }
  throwCollected(failures)
}
