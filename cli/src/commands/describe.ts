import { isReason } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, withExamples, withFiles, withSelector } from '../command-line/index.ts'
import { type DescribeContext, describeObject } from '../describe/index.ts'
import { readManifests } from '../manifests/index.ts'
import { collect, listTargets, placesOf, type Query, resolveQueries, type Target, throwCollected } from '../resources/index.ts'
import type { Session } from '../session/index.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  selector?: string
  allNamespaces?: boolean
  showEvents: boolean
}

/** `davit describe`. */
export function describeCommand(cli: Cli): Command {
  const command = new Command('describe')
    .description('Show objects with all that belongs to them: state, conditions, events.')
    .usage('(-f FILE | TYPE [NAME_PREFIX | -l SELECTOR] | TYPE/NAME) [flags]')
    .argument('[resources...]', 'Types and names, or TYPE/NAME; a name may be just its beginning.')
    .option('-A, --all-namespaces', 'Objects of all namespaces.')
    .option('--show-events', 'Events at the end.', true)
    .option('--chunk-size <size>', 'Kept for scripts.', integerOption('--chunk-size'))
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withSelector(withFiles(command))
  return withExamples(
    command,
    `
davit describe pod web-1
davit describe pod web                  All pods whose name starts with web
davit describe node node-1
davit describe deployments -l app=web
davit describe -f web.yaml`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const session = await cli.session()
  const context: DescribeContext = { session, now: cli.clock.now(), showEvents: options.showEvents }
  const failures: unknown[] = []
  const queries = await queriesOf(cli, session, args, { options, failures })
  let isFirst = true
  for (const query of queries) {
    await collect(failures, async () => {
      const { targets, isByPrefix } = await targetsOf(session, query, options)
      for (const { type, object } of targets) {
        const text = await describeObject(type, object!, context)
        if (isByPrefix) cli.print(`${text}\n`)
        else cli.print(isFirst ? text : `\n\n${text}`)
        isFirst = false
      }
    })
  }
  if (isFirst && failures.length === 0) {
    const isInNamespace = !options.allNamespaces && queries.every(({ type }) => type.namespaced)
    cli.warn(isInNamespace ? `No resources found in ${session.namespace} namespace.\n` : 'No resources found\n')
  }
  throwCollected(failures)
}

async function queriesOf(
  cli: Cli,
  session: Session,
  args: string[],
  { options, failures }: { options: Options; failures: unknown[] },
): Promise<Query[]> {
  if (options.filename) {
    const manifests = await readManifests(options.filename, { recursive: options.recursive ?? false, stdin: cli.stdin })
    return placesOf(session, manifests, failures)
  }
  if (args.length === 0) {
    throw new Error(
      'You must specify the type of resource to describe. Use "davit api-resources" for a complete list of supported resources.',
    )
  }
  return resolveQueries(session, args, options)
}

/** An object of that name; when there is none, all whose names start so. */
async function targetsOf(session: Session, query: Query, options: Options): Promise<{ targets: Target[]; isByPrefix: boolean }> {
  const { type, namespace, name } = query
  if (name === undefined) return { targets: await listTargets(session, query, options), isByPrefix: false }
  try {
    return { targets: [{ type, namespace, name, object: await session.api.get(type, { namespace, name }) }], isByPrefix: false }
  } catch (err) {
    if (!isReason(err, 'NotFound') || options.filename) throw err
    const targets = await listTargets(session, { type, namespace }, options)
    const matching = targets.filter(target => target.name.startsWith(name))
    if (matching.length === 0) throw err
    return { targets: matching, isByPrefix: true }
  }
}
