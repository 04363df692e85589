import { isReason, type Pod, parseDuration, podKind, resourcePath } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, UsageError, withExamples, withSelector } from '../command-line/index.ts'
import { containersOf, defaultContainer, findPod, podsOf } from '../pods/index.ts'
import { collect, throwCollected } from '../resources/index.ts'
import { lines, type Session } from '../session/index.ts'

interface Options {
  follow?: boolean
  tail?: number
  since?: string
  sinceTime?: string
  timestamps?: boolean
  previous?: boolean
  container?: string
  allContainers?: boolean
  allPods?: boolean
  selector?: string
  prefix?: boolean
  limitBytes?: number
  maxLogRequests: number
  ignoreErrors?: boolean
}

interface Source {
  readonly pod: Pod
  readonly container: string
}

/** With a selector many pods answer, so only the end of each is shown. */
const TAIL_OF_MANY = 10

/** `davit logs`. */
export function logsCommand(cli: Cli): Command {
  const command = new Command('logs')
    .description('Show what containers print.')
    .usage('(POD | TYPE/NAME | -l SELECTOR) [-c CONTAINER] [flags]')
    .argument('[pod...]', 'Pod, or TYPE/NAME of what runs pods; a container may follow.')
    .option('-f, --follow', 'Go on as more is printed.')
    .option('--tail <lines>', 'Only so many of the last lines; -1: all.', integerOption('--tail'))
    .option('--since <duration>', 'Only what is younger than this, such as 5s or 2h.')
    .option('--since-time <time>', 'Only what was printed after this time, as 2026-01-02T03:04:05Z.')
    .option('--timestamps', 'Begin each line with its time.')
    .option('-p, --previous', 'Of the run before the last restart.')
    .option('-c, --container <name>', 'Container; the first when left out.')
    .option('--all-containers', 'All containers of the pod.')
    .option('--all-pods', 'All pods of what runs them.')
    .option('--prefix', 'Begin each line with its pod and container.')
    .option('--limit-bytes <bytes>', 'At most so many bytes.', integerOption('--limit-bytes'))
    .option('--max-log-requests <count>', 'With -f: at most so many at once.', integerOption('--max-log-requests'), 5)
    .option('--ignore-errors', 'Go on when one cannot be read.')
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withSelector(command)
  return withExamples(
    command,
    `
davit logs web-1                        All a pod's container has printed
davit logs -f --tail=20 web-1           The last 20 lines, and what follows
davit logs deploy/web --since=10m       One of a Deployment's pods
davit logs -l app=web --prefix          All pods with a label
davit logs web-1 -c app --previous      Why it crashed`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const [target, positional, ...more] = args
  if (more.length > 0 || (options.selector && positional !== undefined))
    throw new UsageError('logs (POD | TYPE/NAME) [-c CONTAINER].\nPOD or TYPE/NAME is a required argument for the logs command')
  if (target === undefined && !options.selector)
    throw new UsageError(
      "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
    )
  if (target !== undefined && options.selector) throw new UsageError('only a selector (-l) or a POD name is allowed')
  if (options.container && positional) throw new UsageError('only one of -c or an inline [CONTAINER] arg is allowed')
  if (options.container && options.allContainers)
    throw new Error(`--all-containers=true should not be specified with container name ${options.container}`)
  if (options.since && options.sinceTime) throw new Error('at most one of `sinceTime` or `sinceSeconds` may be specified')
  if (options.since && parseDuration(options.since) < 0) throw new Error('--since must be greater than 0')
  if (options.tail !== undefined && options.tail < -1) throw new Error('--tail must be greater than or equal to -1')
  const session = await cli.session()
  const wanted = { ...options, ...(positional && { container: positional }) }
  const sources = await sourcesOf(cli, session, target, wanted)
  if (options.follow && sources.length > options.maxLogRequests) {
    throw new Error(
      `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${options.maxLogRequests}, use --max-log-requests to increase the limit`,
    )
  }
  const query = queryOf(wanted, options.selector !== undefined)
  const failures: unknown[] = []
  const show = (source: Source) =>
    collect(failures, async () => {
      try {
        await copyLog(cli, session, source, { query, hasPrefix: options.prefix === true })
      } catch (err) {
        if (!options.ignoreErrors) throw err
        cli.warn(`error: ${(err as Error).message}\n`)
      }
    })
  if (options.follow) await Promise.all(sources.map(show))
  else for (const source of sources) await show(source)
  throwCollected(failures)
}

async function sourcesOf(cli: Cli, session: Session, target: string | undefined, options: Options): Promise<Source[]> {
  const containersIn = (pod: Pod): Source[] => {
    if (options.allContainers) return inLogOrder(pod).map(container => ({ pod, container }))
    if (options.container) {
      const { container } = options
      if (!containersOf(pod).some(({ name }) => name === container))
        throw new Error(`container ${container} is not valid for pod ${pod.metadata.name}`)
      return [{ pod, container }]
    }
    const { name, note } = defaultContainer(pod)
    if (note) cli.warn(`${note}\n`)
    return [{ pod, container: name }]
  }
  if (options.selector) {
    const { items } = await session.client.resource(podKind).list({ namespace: session.namespace, labelSelector: options.selector })
    if (items.length === 0) cli.warn(`No resources found in ${session.namespace} namespace.\n`)
    return items.flatMap(containersIn)
  }
  if (options.allPods && target?.includes('/')) {
    const [typeName = '', name = ''] = target.split('/')
    const type = await session.types.byName(typeName)
    const pods = await podsOf(session, await session.api.get(type, { namespace: session.namespace, name }), target)
    return pods.flatMap(containersIn)
  }
  const { pod, count } = await findPod(session, target ?? '').catch((err: unknown) => {
    if (target?.includes('/') || !isReason(err, 'NotFound')) throw err
    throw new Error(`error from server (NotFound): pods "${target}" not found in namespace "${session.namespace}"`)
  })
  if (count > 1) cli.warn(`Found ${count} pods, using pod/${pod.metadata.name}\n`)
  return containersIn(pod)
}

/** Init containers ran first, so their logs come first. */
function inLogOrder(pod: Pod): string[] {
  const init = (pod.spec.initContainers ?? []).map(({ name }) => name)
  const others = containersOf(pod)
    .map(({ name }) => name)
    .filter(name => !init.includes(name))
  return [...init, ...others]
}

function queryOf(options: Options, isOfMany: boolean): Record<string, string | number | boolean> {
  const tail = options.tail ?? (isOfMany ? TAIL_OF_MANY : -1)
  const sinceMs = options.since ? parseDuration(options.since) : 0
  return {
    ...(options.follow && { follow: true }),
    ...(options.previous && { previous: true }),
    ...(options.timestamps && { timestamps: true }),
    ...(tail >= 0 && { tailLines: tail }),
    ...(sinceMs > 0 && { sinceSeconds: Math.ceil(sinceMs / 1000) }),
    ...(options.sinceTime && { sinceTime: options.sinceTime }),
    ...(options.limitBytes && { limitBytes: options.limitBytes }),
  }
}

async function copyLog(
  cli: Cli,
  session: Session,
  { pod, container }: Source,
  { query, hasPrefix }: { query: Record<string, string | number | boolean>; hasPrefix: boolean },
): Promise<void> {
  const { namespace, name } = pod.metadata
  const body = await session.api.open('GET', resourcePath(podKind, { namespace, name }, 'log'), {
    query: { ...query, container },
    accept: '*/*',
  })
  if (hasPrefix) {
    for await (const line of lines(body)) cli.print(`[pod/${name}/${container}] ${line}\n`)
    return
  }
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (!cli.stdout.write(chunk)) await new Promise(resolve => cli.stdout.once('drain', resolve))
  }
}
