/** `label` and `annotate`: the two verbs differ in little but the map they write. */
import { isLabelValue, isQualifiedName } from '@davit/api'
import { Command } from 'commander'
import { type Cli, withDryRun, withExamples, withFieldManager, withFiles, withOutput, withSelector } from '../command-line/index.ts'
import { collect, type SelectOptions, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, type ResultPrinter, writeQuery } from '../results/index.ts'
import type { AnyObject, Session } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  selector?: string
  fieldSelector?: string
  all?: boolean
  allNamespaces?: boolean
  overwrite?: boolean
  list?: boolean
  resourceVersion?: string
  fieldManager: string
}

interface Form {
  verb: 'label' | 'annotate'
  field: 'labels' | 'annotations'
  /** `label`, as in "at least one label update is required". */
  noun: string
}

/** `davit label`. */
export function labelCommand(cli: Cli): Command {
  return make(cli, { verb: 'label', field: 'labels', noun: 'label' })
}

/** `davit annotate`. */
export function annotateCommand(cli: Cli): Command {
  return make(cli, { verb: 'annotate', field: 'annotations', noun: 'annotation' })
}

function make(cli: Cli, form: Form): Command {
  const command = new Command(form.verb)
    .description(form.verb === 'label' ? 'Set, change or take away labels.' : 'Set, change or take away annotations.')
    .usage('(-f FILE | TYPE NAME) KEY=VALUE ... KEY- ... [flags]')
    .argument('[arguments...]', 'Type and names, or TYPE/NAME; then KEY=VALUE to set, KEY- to take away.')
    .option('--overwrite', 'Change values that are set already.')
    .option('--list', `Show the ${form.field} after the change.`)
    .option('--all', 'All objects of the type in this namespace.')
    .option('-A, --all-namespaces', 'Objects of all namespaces.')
    .option('--field-selector <fields>', 'Only objects with these fields.')
    .option('--resource-version <version>', 'Only if the object is at this version.')
    .action(async (args: string[], options: Options) => run(cli, args, { options, form }))
  withFieldManager(withDryRun(withOutput(withSelector(withFiles(command)))), `kubectl-${form.verb}`)
  return withExamples(
    command,
    form.verb === 'label'
      ? `
davit label pod web-1 tier=front
davit label pods --all tier=front
davit label pod web-1 tier=back --overwrite
davit label pod web-1 tier-             Take the label away
davit label node node-1 disk=ssd`
      : `
davit annotate deployment web owner="the web team"
davit annotate deployment web owner-    Take it away`,
  )
}

async function run(cli: Cli, args: string[], { options, form }: { options: Options; form: Form }): Promise<void> {
  const { resources, changes, removals } = splitArguments(args, form)
  if (changes.size === 0 && removals.length === 0 && !options.list) throw new Error(`at least one ${form.noun} update is required`)
  validate(changes, removals, form)
  const result = await createResultPrinter(cli, options)
  const session = await cli.session()
  const { filename: files, recursive, selector, fieldSelector, all, allNamespaces } = options
  const select: SelectOptions = { files, recursive, stdin: cli.stdin, selector, fieldSelector, all: all || options.list, allNamespaces }
  const { targets, failures } = await selectTargets(session, resources, select)
  if (options.resourceVersion && targets.length > 1) throw new Error('--resource-version may only be used with a single resource')
  for (const target of targets) {
    await collect(failures, async () => {
      checkOverwrite(target, { changes, options, form })
      const entries = { ...Object.fromEntries(changes), ...Object.fromEntries(removals.map(key => [key, null])) }
      if (options.list) listEntries(cli, withEntries(target, form, entries), { target, form, isMany: targets.length > 1 })
      else await changeOne(cli, session, { target, changes, removals, entries, options, form, result })
    })
  }
  throwCollected(failures)
}

interface Change {
  target: Target
  changes: ReadonlyMap<string, string>
  removals: readonly string[]
  /** What to write: null takes away. */
  entries: Readonly<Record<string, string | null>>
  options: Options
  form: Form
  result: ResultPrinter
}

async function changeOne(cli: Cli, session: Session, { target, changes, removals, entries, options, form, result }: Change): Promise<void> {
  const current = target.object?.metadata[form.field] ?? {}
  if (form.verb === 'label') for (const key of removals) if (!Object.hasOwn(current, key)) cli.print(`label "${key}" not found.\n`)
  const operation = form.verb === 'annotate' ? 'annotated' : labelOperation(current, changes, removals)
  if (result.dryRun === 'client' || operation === 'not labeled') return result.done(target, operation, withEntries(target, form, entries))
  const body = { metadata: { [form.field]: entries, ...(options.resourceVersion && { resourceVersion: options.resourceVersion }) } }
  const patched = await session.api.patch(target.type, target, { type: 'merge', body }, { query: writeQuery(result, options.fieldManager) })
  result.done(target, operation, patched)
}

function checkOverwrite({ object }: Target, { changes, options, form }: Pick<Change, 'changes' | 'options' | 'form'>): void {
  if (options.overwrite) return
  const current = object?.metadata[form.field] ?? {}
  const taken = [...changes].filter(([key, value]) => Object.hasOwn(current, key) && current[key] !== value)
  if (taken.length === 0) return
  const texts = taken.map(([key]) => `'${key}' already has a value (${current[key]})`)
  if (form.verb === 'label') throw new Error(`${texts[0]}, and --overwrite is false`)
  throw new Error(`--overwrite is false but found the following declared annotation(s): ${texts.join('; ')}`)
}

function labelOperation(
  current: Readonly<Record<string, string>>,
  changes: ReadonlyMap<string, string>,
  removals: readonly string[],
): string {
  const isSet = [...changes].some(([key, value]) => current[key] !== value)
  if (isSet) return 'labeled'
  return removals.some(key => Object.hasOwn(current, key)) ? 'unlabeled' : 'not labeled'
}

function withEntries({ object }: Target, { field }: Form, entries: Readonly<Record<string, string | null>>): AnyObject {
  const merged = Object.fromEntries(
    Object.entries({ ...object!.metadata[field], ...entries }).filter((entry): entry is [string, string] => entry[1] !== null),
  )
  return { ...object!, metadata: { ...object!.metadata, [field]: merged } }
}

/** Only shows what the entries would be: nothing is written. */
function listEntries(cli: Cli, object: AnyObject, { target, form, isMany }: { target: Target; form: Form; isMany: boolean }): void {
  if (isMany) cli.print(`Listing ${form.field} for ${target.type.kind}.${target.type.group}/${target.name}:\n`)
  const entries = Object.entries(object.metadata[form.field] ?? {}).sort()
  for (const [key, value] of entries) cli.print(`${isMany ? ' ' : ''}${key}=${value}\n`)
}

/** Resources come first; what has `=` or ends in `-` after them is a change. */
function splitArguments(args: readonly string[], { noun }: Form) {
  const isChange = (arg: string) => /^[^=]+=/s.test(arg) || (arg.endsWith('-') && arg !== '-')
  const at = args.findIndex((arg, place) => (place > 0 || arg.includes('=')) && isChange(arg))
  const first = at < 0 ? args.length : at
  const changes = new Map<string, string>()
  const removals: string[] = []
  for (const arg of args.slice(first)) {
    const equals = arg.indexOf('=')
    if (equals > 0) changes.set(arg.slice(0, equals), arg.slice(equals + 1))
    else if (arg.endsWith('-')) removals.push(arg.slice(0, -1))
    else throw new Error(`all resources must be specified before ${noun} changes: ${arg}`)
  }
  if (removals.some(key => changes.has(key))) {
    throw new Error(`can not both modify and remove ${noun === 'label' ? 'a label' : 'an annotation'} in the same command`)
  }
  return { resources: args.slice(0, first), changes, removals }
}

function validate(changes: ReadonlyMap<string, string>, removals: readonly string[], { verb }: Form): void {
  if (verb !== 'label') return
  for (const [key, value] of changes) {
    const problem = isLabelValue(value)
    if (problem) throw new Error(`invalid label value: "${key}=${value}": ${problem}`)
  }
  for (const key of removals) {
    const problem = isQualifiedName(key)
    if (problem) throw new Error(`invalid label key "${key}": ${problem}`)
  }
}
