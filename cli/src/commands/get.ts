import { isReason } from '@davit/api'
import { Command, Option } from 'commander'
import { type Cli, integerOption, listOption, UsageError, withExamples, withFiles, withSelector } from '../command-line/index.ts'
import {
  type FetchedTable,
  fetchObjects,
  fetchTable,
  type PrintOptions,
  printTables,
  sortByPath,
  tableOptions,
  watchObjects,
  watchTables,
} from '../listing/index.ts'
import { readManifests } from '../manifests/index.ts'
import { createObjectPrinter, type ObjectPrinter, printTable } from '../printers/index.ts'
import { collect, placesOf, type Query, resolveQueries, throwCollected } from '../resources/index.ts'
import type { AnyObject, Session } from '../session/index.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  selector?: string
  fieldSelector?: string
  allNamespaces?: boolean
  output?: string
  watch?: boolean
  watchOnly?: boolean
  outputWatchEvents?: boolean
  /** False with --no-headers. */
  headers?: boolean
  showLabels?: boolean
  labelColumns?: string[]
  showKind?: boolean
  sortBy?: string
  ignoreNotFound?: boolean
  showManagedFields?: boolean
  subresource?: string
  template?: string
  raw?: string
}

/** `davit get`. */
export function getCommand(cli: Cli): Command {
  const command = new Command('get')
    .description('Show one or many objects.')
    .usage('(TYPE[,TYPE] [NAME ...] | TYPE/NAME ... | -f FILE) [flags]')
    .argument('[resources...]', 'Types, names, or TYPE/NAME; "all" stands for what runs.')
    .option('-A, --all-namespaces', 'Objects of all namespaces.')
    .option('-o, --output <form>', 'wide, yaml, json, name, jsonpath=TEMPLATE, custom-columns=NAME:.path,... or custom-columns-file=FILE.')
    .option('-w, --watch', 'Go on, and show each change.')
    .option('--watch-only', 'Show changes alone.')
    .option('--output-watch-events', 'With -w: say what happened: ADDED, MODIFIED or DELETED.')
    .option('--field-selector <fields>', 'Only objects with these fields, such as status.phase=Running.')
    .option('--no-headers', 'Leave out the first line.')
    .option('--show-labels', 'Labels as the last column.')
    .option('-L, --label-columns <labels>', 'A column for each of these labels.', listOption)
    .option('--show-kind', 'Kind before each name.')
    .option('--sort-by <path>', 'Sort by a field, such as .metadata.creationTimestamp.')
    .option('--ignore-not-found', 'Say nothing about objects that do not exist.')
    .option('--subresource <name>', 'Show a part of the object: status or scale.')
    .option('--raw <path>', 'Show what the server answers for a path, as it is.')
    .option('--show-managed-fields', 'Keep metadata.managedFields in json and yaml.')
    .addOption(new Option('--template <template>', 'Template for -o jsonpath.').hideHelp())
    .addOption(
      new Option('--chunk-size <size>', 'Kept for scripts; pages have 500 objects.').argParser(integerOption('--chunk-size')).hideHelp(),
    )
    .addOption(new Option('--server-print', 'Kept for scripts.').hideHelp())
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withSelector(withFiles(command))
  return withExamples(
    command,
    `
davit get pods                          Pods of this namespace
davit get pods -A -o wide               Pods of all namespaces, with addresses and nodes
davit get deploy,svc -l app=web         Two kinds, by label
davit get all                           What runs here, and what keeps it running
davit get pod/web-1 -o yaml             One pod, whole
davit get pods -w                       ... and each change from now on
davit get pods -o jsonpath='{.items[*].status.podIP}'
davit get nodes --sort-by=.metadata.creationTimestamp`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const session = await cli.session()
  if (options.raw) return printRaw(cli, session, options.raw)
  const printer = await createObjectPrinter(options.output, { ...options, noHeaders: options.headers === false })
  const { queries, isSingle, failures } = await queriesOf(cli, session, args, options)
  if (options.watch || options.watchOnly) return watch(cli, session, { queries, printer, options })
  if (printer) return printObjects(cli, session, { queries, printer, options, isSingle, failures })

  const tables: FetchedTable[] = []
  for (const query of queries) {
    await collectFound(failures, options, async () => {
      tables.push({ query, table: await fetchTable(session, query, { ...options, withObjects: options.sortBy !== undefined }) })
    })
  }
  const text = printTables(sorted(tables, options), printOptions(queries, options))
  cli.print(text)
  if (text === '' && !options.ignoreNotFound && failures.length === 0) sayNothingFound(cli, session, queries, options)
  throwCollected(failures)
}

async function queriesOf(
  cli: Cli,
  session: Session,
  args: string[],
  options: Options,
): Promise<{ queries: Query[]; isSingle: boolean; failures: unknown[] }> {
  if (options.filename) {
    const manifests = await readManifests(options.filename, { recursive: options.recursive ?? false, stdin: cli.stdin })
    const failures: unknown[] = []
    const queries = await placesOf(session, manifests, failures)
    return { queries, isSingle: manifests.length === 1, failures }
  }
  if (args.length === 0) {
    cli.warn('You must specify the type of resource to get. Use "davit api-resources" for a complete list of supported resources.\n\n')
    throw new UsageError(
      'Required resource not specified.\nUse "davit explain <resource>" for a detailed description of that resource (e.g. davit explain pods).',
    )
  }
  const queries = await resolveQueries(session, args, options)
  return { queries, isSingle: queries.length === 1 && queries[0]?.name !== undefined, failures: [] }
}

interface Printing {
  queries: readonly Query[]
  printer: ObjectPrinter
  options: Options
  isSingle: boolean
  failures: unknown[]
}

async function printObjects(cli: Cli, session: Session, { queries, printer, options, isSingle, failures }: Printing): Promise<void> {
  let objects: AnyObject[] = []
  for (const query of queries) {
    await collectFound(failures, options, async () => {
      objects.push(...(await fetchObjects(session, query, options)))
    })
  }
  if (options.sortBy) objects = sortByPath(objects, options.sortBy, object => object)
  const asList = !isSingle && !/^(name|custom-columns)/.test(options.output ?? '')
  if (asList ? failures.length === 0 || objects.length > 0 : objects.length > 0) cli.print(printer.print(objects, { asList }))
  throwCollected(failures)
}

async function collectFound(failures: unknown[], { ignoreNotFound }: Options, step: () => Promise<void>): Promise<void> {
  const found: unknown[] = []
  await collect(found, step)
  failures.push(...found.filter(failure => !(ignoreNotFound && isReason(failure, 'NotFound'))))
}

function sorted(tables: readonly FetchedTable[], { sortBy }: Options): FetchedTable[] {
  if (!sortBy) return [...tables]
  return tables.map(({ query, table }) => ({ query, table: { ...table, rows: sortByPath(table.rows, sortBy, row => row.object) } }))
}

function printOptions(queries: readonly Query[], options: Options): PrintOptions {
  const kinds = new Set(queries.map(({ type }) => `${type.group}/${type.kind}`))
  return {
    wide: options.output === 'wide',
    noHeaders: options.headers === false,
    showKind: options.showKind ?? kinds.size > 1,
    ...(options.allNamespaces && { allNamespaces: true }),
    ...(options.showLabels && { showLabels: true }),
    ...(options.labelColumns && { labelColumns: options.labelColumns }),
  }
}

function sayNothingFound(cli: Cli, session: Session, queries: readonly Query[], options: Options): void {
  const isInNamespace = !options.allNamespaces && queries.every(({ type }) => type.namespaced)
  cli.warn(isInNamespace ? `No resources found in ${session.namespace} namespace.\n` : 'No resources found\n')
}

async function watch(
  cli: Cli,
  session: Session,
  { queries, printer, options }: { queries: Query[]; printer: ObjectPrinter | undefined; options: Options },
): Promise<void> {
  const [query] = queries
  if (!query || queries.length > 1) throw new Error('you may only specify a single resource type')
  if (printer) return watchWhole(cli, session, { query, printer, options })
  const shown = { ...tableOptions(query.type, printOptions(queries, options)), widths: [] as number[] }
  let headers = shown.noHeaders !== true
  const show = (table: FetchedTable['table'], eventType: string) => {
    if (table.rows.length === 0) return
    cli.print(printTable(table, { ...shown, noHeaders: !headers, ...(options.outputWatchEvents && { eventType }) }))
    headers = false
  }
  const first = await fetchTable(session, query, options)
  if (!options.watchOnly) show(first, 'ADDED')
  const resourceVersion = first.metadata?.resourceVersion ?? first.rows[0]?.object?.metadata?.resourceVersion
  for await (const { type, table } of watchTables(session, query, { ...options, resourceVersion })) show(table, type)
}

async function watchWhole(
  cli: Cli,
  session: Session,
  { query, printer, options }: { query: Query; printer: ObjectPrinter; options: Options },
): Promise<void> {
  const { selector, fieldSelector } = options
  const list = await session.api.list(
    query.type,
    { namespace: query.namespace },
    {
      query: {
        ...(selector && { labelSelector: selector }),
        ...(query.name ? { fieldSelector: `metadata.name=${query.name}` } : fieldSelector && { fieldSelector }),
      },
    },
  )
  const { group, version, kind } = query.type
  const apiVersion = group ? `${group}/${version}` : version
  let isFirst = true
  const show = (object: AnyObject) => {
    if (!isFirst && options.output === 'yaml') cli.print('---\n')
    cli.print(printer.print([{ ...object, apiVersion: object.apiVersion ?? apiVersion, kind: object.kind ?? kind }]))
    isFirst = false
  }
  if (!options.watchOnly) for (const item of list.items) show(item)
  for await (const { object } of watchObjects(session, query, { ...options, resourceVersion: list.metadata?.resourceVersion })) show(object)
}

async function printRaw(cli: Cli, session: Session, path: string): Promise<void> {
  const body = await session.api.open('GET', path.startsWith('/') ? path : `/${path}`)
  for await (const chunk of body as AsyncIterable<Buffer>) cli.stdout.write(chunk)
}
