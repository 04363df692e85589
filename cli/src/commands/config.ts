import { Command } from 'commander'
import { type Cli, UsageError, withExamples } from '../command-line/index.ts'
import { currentContextOf, type Kubeconfig, redact, saveKubeconfig } from '../kubeconfig/index.ts'
import { alignColumns, createObjectPrinter } from '../printers/index.ts'
import type { AnyObject } from '../session/index.ts'

/** `davit config`. */
export function configCommand(cli: Cli): Command {
  const command = new Command('config').description('Look at and change the kubeconfig: which cluster, as whom, in which namespace.')
  const children = [view, currentContext, getContexts, useContext, setContext, renameContext, deleteContext, getClusters, getUsers]
  for (const make of children) command.addCommand(make(cli))
  return withExamples(
    command,
    'davit config get-contexts\ndavit config use-context staging\ndavit config set-context --current --namespace=web',
  )
}

interface ViewOptions {
  raw?: boolean
  minify?: boolean
  flatten?: boolean
  output?: string
}

const view = (cli: Cli) =>
  withExamples(
    new Command('view')
      .description('Show the kubeconfig; keys and certificates only with --raw.')
      .option('--raw', 'With keys and certificates.')
      .option('--minify', 'Only what the current context uses.')
      .option('--flatten', 'Files it names as data in it.')
      .option('-o, --output <form>', 'yaml, json or jsonpath=TEMPLATE.', 'yaml')
      .action(async (options: ViewOptions) => {
        const { config } = await cli.kubeconfig()
        const chosen = options.minify ? minify(config, cli.flags.context) : config
        const printer = await createObjectPrinter(options.output)
        if (!printer) throw new Error(`unable to match a printer suitable for the output format "${options.output}"`)
        cli.print(printer.print([complete(options.raw ? chosen : redact(chosen)) as unknown as AnyObject]))
      }),
    "davit config view\ndavit config view --minify -o jsonpath='{.clusters[0].cluster.server}'",
  )

/** Lists that are empty come as `null`, as Kubernetes' clients write them. */
function complete(config: Kubeconfig): Record<string, unknown> {
  const orNull = (list: readonly unknown[] | undefined) => (list?.length ? list : null)
  return {
    ...config,
    apiVersion: 'v1',
    kind: 'Config',
    preferences: config.preferences ?? {},
    'current-context': config['current-context'] ?? '',
    clusters: orNull(config.clusters),
    contexts: orNull(
      (config.contexts ?? []).map(({ name, context }) => ({
        name,
        context: { ...context, cluster: context.cluster ?? '', user: context.user ?? '' },
      })),
    ),
    users: orNull(config.users),
  }
}

function minify(config: Kubeconfig, asked: string | undefined): Kubeconfig {
  const current = currentContextOf(config, asked ?? config['current-context'])
  if (!current) throw new Error('current-context must exist in order to minify')
  return {
    ...config,
    'current-context': current.name,
    contexts: [current],
    clusters: (config.clusters ?? []).filter(({ name }) => name === current.context.cluster),
    users: (config.users ?? []).filter(({ name }) => name === current.context.user),
  }
}

const currentContext = (cli: Cli) =>
  new Command('current-context').description('Show the name of the current context.').action(async () => {
    const { config } = await cli.kubeconfig()
    if (!config['current-context']) throw new Error('current-context is not set')
    cli.print(`${config['current-context']}\n`)
  })

const getContexts = (cli: Cli) =>
  new Command('get-contexts')
    .description('List the contexts; the current one has a star.')
    .argument('[names...]', 'Only these.')
    .option('-o, --output <form>', 'name: names only.')
    .option('--no-headers', 'Leave out the first line.')
    .action(async (names: string[], options: { output?: string; headers?: boolean }) => {
      if (options.output && options.output !== 'name') throw new Error(`output must be one of '' or 'name': ${options.output}`)
      const { config } = await cli.kubeconfig()
      const contexts = (config.contexts ?? []).toSorted((one, other) => (one.name < other.name ? -1 : 1))
      const missing = names.filter(name => !contexts.some(context => context.name === name))
      const shown = contexts.filter(({ name }) => names.length === 0 || names.includes(name))
      if (options.output === 'name') cli.print(shown.map(({ name }) => `${name}\n`).join(''))
      else {
        const rows = shown.map(({ name, context: { cluster = '', user = '', namespace = '' } }) => [
          name === config['current-context'] ? '*' : '',
          name,
          cluster,
          user,
          namespace,
        ])
        const header = ['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE']
        cli.print(alignColumns(options.headers === false ? rows : [header, ...rows]))
      }
      if (missing.length > 0) throw new Error(missing.map(name => `context ${name} not found`).join('\n'))
    })

const useContext = (cli: Cli) =>
  withExamples(
    new Command('use-context')
      .alias('use')
      .description('Make a context the current one.')
      .argument('[names...]', 'Name of the context.')
      .action(async (names: string[]) => {
        const name = oneName(names)
        const { config } = await cli.kubeconfig()
        if (!currentContextOf(config, name)) throw new Error(`no context exists with the name: "${name}"`)
        await change(cli, file => ({ ...file, 'current-context': name }))
        cli.print(`Switched to context "${name}".\n`)
      }),
    'davit config use-context staging',
  )

const setContext = (cli: Cli) =>
  withExamples(
    new Command('set-context')
      .description('Make or change a context; --cluster, --user and --namespace say what it holds.')
      .argument('[names...]', 'Name of the context.')
      .option('--current', 'Change the current context.')
      .action(async (names: string[], options: { current?: boolean }) => {
        const { config } = await cli.kubeconfig()
        if (options.current && names.length > 0) throw new UsageError('you cannot specify a context name and --current')
        const name = options.current ? config['current-context'] : oneName(names)
        if (!name) throw new Error('no current context is set')
        const { cluster, user, namespace } = cli.flags
        const before = currentContextOf(config, name)
        const context = { ...before?.context, ...(cluster && { cluster }), ...(user && { user }), ...(namespace && { namespace }) }
        await change(cli, file => ({
          ...file,
          contexts: [...(file.contexts ?? []).filter(other => other.name !== name), { name, context }],
        }))
        cli.print(`Context "${name}" ${before ? 'modified' : 'created'}.\n`)
      }),
    'davit config set-context --current --namespace=web\ndavit config set-context staging --cluster=davit --user=davit-admin --namespace=staging',
  )

const renameContext = (cli: Cli) =>
  new Command('rename-context')
    .description('Give a context another name.')
    .argument('<from>', 'Name it has.')
    .argument('<to>', 'Name it shall have.')
    .action(async (from: string, to: string) => {
      const { config, writeTo } = await cli.kubeconfig()
      if (!currentContextOf(config, from)) throw new Error(`cannot rename the context "${from}", it's not in ${writeTo}`)
      if (currentContextOf(config, to))
        throw new Error(`cannot rename the context "${from}", the context "${to}" already exists in ${writeTo}`)
      await change(cli, file => ({
        ...file,
        ...(file['current-context'] === from && { 'current-context': to }),
        contexts: (file.contexts ?? []).map(context => (context.name === from ? { ...context, name: to } : context)),
      }))
      cli.print(`Context "${from}" renamed to "${to}".\n`)
    })

const deleteContext = (cli: Cli) =>
  new Command('delete-context')
    .description('Take a context away.')
    .argument('<name>', 'Name of the context.')
    .action(async (name: string) => {
      const { config, writeTo } = await cli.kubeconfig()
      if (!currentContextOf(config, name)) throw new Error(`cannot delete context ${name}, not in ${writeTo}`)
      if (config['current-context'] === name) {
        cli.warn('warning: this removed your active context, use "davit config use-context" to select a different one\n')
      }
      await change(cli, file => ({ ...file, contexts: (file.contexts ?? []).filter(context => context.name !== name) }))
      cli.print(`deleted context ${name} from ${writeTo}\n`)
    })

const getClusters = (cli: Cli) => lister(cli, 'get-clusters', 'List the clusters.', config => config.clusters ?? [])
const getUsers = (cli: Cli) => lister(cli, 'get-users', 'List the users.', config => config.users ?? [])

function lister(cli: Cli, name: string, description: string, of: (config: Kubeconfig) => { name: string }[]): Command {
  return new Command(name).description(description).action(async () => {
    const { config } = await cli.kubeconfig()
    const names = of(config).map(entry => entry.name)
    cli.print(
      `NAME\n${names
        .sort()
        .map(one => `${one}\n`)
        .join('')}`,
    )
  })
}

function oneName(names: readonly string[]): string {
  const [name, ...more] = names
  if (name === undefined || more.length > 0) throw new UsageError(`exactly one name is wanted, got ${names.length}`)
  return name
}

/** Changes the file that new entries go to, as it is on disk: other files' entries are not copied into it. */
async function change(cli: Cli, edit: (file: Kubeconfig) => Kubeconfig): Promise<void> {
  const { files, writeTo } = await cli.kubeconfig()
  const file = files.find(({ path }) => path === writeTo)?.config ?? { apiVersion: 'v1', kind: 'Config' }
  await saveKubeconfig(writeTo, edit(file))
}
