import { Command } from 'commander'
import {
  type Cli,
  listOption,
  repeatOption,
  UsageError,
  withDryRun,
  withExamples,
  withFieldManager,
  withFiles,
  withOutput,
  withSelector,
} from '../command-line/index.ts'
import { collect, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, writeQuery } from '../results/index.ts'
import { isJsonObject, objectLabel, valueAt } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  selector?: string
  all?: boolean
  containers?: string
  env?: string[]
  limits?: string
  requests?: string
  list?: boolean
  overwrite?: boolean
  fieldManager: string
}

interface ContainerLike {
  name: string
  image?: string
  env?: { name: string; value?: string; valueFrom?: unknown }[]
}

type ContainerPatch = { name: string } & Record<string, unknown>

/** `davit set`. */
export function setCommand(cli: Cli): Command {
  const command = new Command('set').description("Change a workload's images, environment or resources.")
  for (const child of [image(cli), env(cli), resources(cli)]) command.addCommand(child)
  return withExamples(
    command,
    'davit set image deployment/web web=nginx:1.25\ndavit set env deployment/web COLOR=blue\ndavit set resources deployment/web --limits=memory=64Mi',
  )
}

function subcommand(name: string, description: string, usage: string): Command {
  const command = new Command(name)
    .description(description)
    .usage(usage)
    .argument('[arguments...]', 'Type and name, or TYPE/NAME; then what to set.')
    .option('--all', 'All objects of the type in this namespace.')
  return withFieldManager(withDryRun(withOutput(withSelector(withFiles(command)))), 'kubectl-set')
}

function image(cli: Cli): Command {
  const command = subcommand('image', 'Set the images of containers.', '(-f FILE | TYPE NAME) CONTAINER=IMAGE ... [flags]').action(
    async (args: string[], options: Options) => {
      const { resources: named, settings } = splitSettings(args)
      if (settings.length === 0) throw new UsageError('at least one image update is required')
      await change(cli, named, options, {
        operation: 'image updated',
        patch: containers => imagePatches(containers, settings),
      })
    },
  )
  return withExamples(
    command,
    "davit set image deployment/web web=nginx:1.25\ndavit set image deployment web '*=nginx:1.25'   All its containers",
  )
}

function imagePatches({ init, main }: Containers, settings: readonly [string, string][]): Patches {
  const all = [...init, ...main]
  for (const [name] of settings) {
    if (name !== '*' && !all.some(container => container.name === name)) throw new Error(`unable to find container named "${name}"`)
  }
  const patched = (containers: readonly ContainerLike[], isInit: boolean) =>
    containers.flatMap((container): ContainerPatch[] => {
      const setting = settings.findLast(([name]) => name === container.name || (name === '*' && !isInit))
      return setting && setting[1] !== container.image ? [{ name: container.name, image: setting[1] }] : []
    })
  return { init: patched(init, true), main: patched(main, false) }
}

function env(cli: Cli): Command {
  const command = subcommand('env', 'Set or take away environment variables.', '(-f FILE | TYPE NAME) KEY=VALUE ... KEY- ... [flags]')
    .option('-c, --containers <names>', 'Only containers of these names; * stands for anything.', '*')
    .option('-e, --env <key=value>', 'A variable to set. May be repeated.', repeatOption)
    .option('--list', 'Show the variables instead.')
    .option('--overwrite', 'Change variables that are set already.', true)
    .action(async (args: string[], options: Options) => {
      const { resources: named, settings, removals } = splitSettings(args)
      const wanted = [...settings, ...(options.env ?? []).map(text => splitPair(text))]
      if (wanted.length === 0 && removals.length === 0 && !options.list)
        throw new UsageError('at least one environment variable must be provided')
      if (options.list) return listEnv(cli, named, options)
      await change(cli, named, options, {
        operation: 'env updated',
        patch: containers => envPatches(containers, { wanted, removals, options }),
      })
    })
  return withExamples(
    command,
    'davit set env deployment/web COLOR=blue\ndavit set env deployment/web COLOR-         Take it away\ndavit set env deployment/web --list',
  )
}

function envPatches(
  { init, main }: Containers,
  { wanted, removals, options }: { wanted: readonly [string, string][]; removals: readonly string[]; options: Options },
): Patches {
  const isChosen = globMatcher(options.containers ?? '*')
  const patched = (containers: readonly ContainerLike[]) =>
    containers
      .filter(({ name }) => isChosen(name))
      .flatMap((container): ContainerPatch[] => {
        const present = new Map((container.env ?? []).map(variable => [variable.name, variable]))
        const changes = wanted.filter(([name, value]) => present.get(name)?.value !== value || present.get(name)?.valueFrom !== undefined)
        const taken = changes.find(([name]) => present.has(name))
        if (taken && options.overwrite === false)
          throw new Error(`'${taken[0]}' already has a value (${present.get(taken[0])?.value ?? ''}), and --overwrite is false`)
        const entries = [
          ...changes.map(([name, value]) => ({ name, value, ...(present.get(name)?.valueFrom !== undefined && { valueFrom: null }) })),
          ...removals.filter(name => present.has(name)).map(name => ({ name, $patch: 'delete' })),
        ]
        // New ones come last, as if they had been written below the others.
        const order = [...present.keys(), ...changes.map(([name]) => name).filter(name => !present.has(name))].filter(
          name => !removals.includes(name),
        )
        const ordered = { '$setElementOrder/env': order.map(name => ({ name })) }
        return entries.length > 0 ? [{ name: container.name, ...ordered, env: entries }] : []
      })
  return { init: patched(init), main: patched(main) }
}

async function listEnv(cli: Cli, named: readonly string[], options: Options): Promise<void> {
  const { targets, failures } = await select(cli, named, options)
  for (const { type, name, object } of targets) {
    for (const container of containersOf({ type, object: object! }).main) {
      cli.print(`# ${objectLabel(type, name).replace(/\.[^/]*\//, '/')}, container ${container.name}\n`)
      for (const { name: variable, value = '', valueFrom } of container.env ?? [])
        cli.print(valueFrom ? `# ${variable} from elsewhere\n` : `${variable}=${value}\n`)
    }
  }
  throwCollected(failures)
}

function resources(cli: Cli): Command {
  const command = subcommand(
    'resources',
    'Set how much CPU and memory containers may and shall have.',
    '(-f FILE | TYPE NAME) --limits=... --requests=... [flags]',
  )
    .option('-c, --containers <names>', 'Only containers of these names; * stands for anything.', '*')
    .option('--limits <amounts>', 'At most this, such as cpu=200m,memory=64Mi; 0 takes a limit away.')
    .option('--requests <amounts>', 'At least this.')
    .action(async (args: string[], options: Options) => {
      if (!options.limits && !options.requests)
        throw new Error('you must specify an update to requests or limits (in the form of --requests/--limits)')
      const isChosen = globMatcher(options.containers ?? '*')
      const body = {
        ...(options.limits && { limits: amountsOf(options.limits) }),
        ...(options.requests && { requests: amountsOf(options.requests) }),
      }
      await change(cli, args, options, {
        operation: 'resource requirements updated',
        patch: ({ main }) => ({ init: [], main: main.filter(({ name }) => isChosen(name)).map(({ name }) => ({ name, resources: body })) }),
      })
    })
  return withExamples(command, 'davit set resources deployment/web --limits=cpu=200m,memory=64Mi --requests=cpu=50m')
}

function amountsOf(text: string): Record<string, string | null> {
  return Object.fromEntries(
    listOption(text)
      .map(part => splitPair(part))
      .map(([name, amount]) => [name, amount === '0' ? null : amount]),
  )
}

interface Containers {
  readonly init: readonly ContainerLike[]
  readonly main: readonly ContainerLike[]
}

interface Patches {
  readonly init: readonly ContainerPatch[]
  readonly main: readonly ContainerPatch[]
}

async function change(
  cli: Cli,
  named: readonly string[],
  options: Options,
  { operation, patch }: { operation: string; patch: (containers: Containers) => Patches },
): Promise<void> {
  const result = await createResultPrinter(cli, options)
  const { session, targets, failures } = await select(cli, named, options)
  for (const target of targets) {
    await collect(failures, async () => {
      const { init, main } = patch(containersOf(target))
      if (init.length === 0 && main.length === 0) return
      const spec = { ...(init.length > 0 && { initContainers: init }), ...(main.length > 0 && { containers: main }) }
      const body = target.type.plural === 'pods' ? { spec } : { spec: { template: { spec } } }
      if (result.dryRun === 'client') return result.done(target, operation, target.object!)
      const patched = await session.api.patch(
        target.type,
        target,
        { type: 'strategic', body },
        { query: writeQuery(result, options.fieldManager) },
      )
      result.done(target, operation, patched)
    })
  }
  throwCollected(failures)
}

async function select(cli: Cli, named: readonly string[], { filename: files, recursive, selector, all }: Options) {
  const session = await cli.session()
  return { session, ...(await selectTargets(session, named, { files, recursive, stdin: cli.stdin, selector, all })) }
}

function containersOf({ object, type }: Pick<Target, 'object'> & Partial<Pick<Target, 'type'>>): Containers {
  const spec = isJsonObject(valueAt(object, 'spec', 'template')) ? valueAt(object, 'spec', 'template', 'spec') : valueAt(object, 'spec')
  const main = valueAt(spec, 'containers')
  if (!Array.isArray(main)) throw new Error(`${type?.plural ?? 'the object'} has no containers`)
  return { main: main as ContainerLike[], init: (valueAt(spec, 'initContainers') ?? []) as ContainerLike[] }
}

/** Resources come first; `NAME=VALUE` and `NAME-` after them. */
function splitSettings(args: readonly string[]): { resources: string[]; settings: [string, string][]; removals: string[] } {
  const isSetting = (arg: string, at: number) => /^[^=]+=/s.test(arg) || (at > 0 && arg.endsWith('-'))
  const found = args.findIndex(isSetting)
  const first = found < 0 ? args.length : found
  const rest = args.slice(first)
  return {
    resources: args.slice(0, first),
    settings: rest.filter(arg => arg.includes('=')).map(splitPair),
    removals: rest.filter(arg => !arg.includes('=')).map(arg => arg.replace(/-$/, '')),
  }
}

function splitPair(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`expected NAME=VALUE, not "${text}"`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function globMatcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const whole = new RegExp(`^${parts.join('.*')}$`)
  return name => whole.test(name)
}
