import { ageSince, type Event, eventKind } from '@davit/api'
import { Command } from 'commander'
import { type Cli, listOption, withExamples } from '../command-line/index.ts'
import { eventAge, timeOf } from '../describe/index.ts'
import { alignColumns, createObjectPrinter } from '../printers/index.ts'
import type { AnyObject } from '../session/index.ts'

interface Options {
  allNamespaces?: boolean
  for?: string
  types?: string[]
  watch?: boolean
  output?: string
  headers?: boolean
}

/** `davit events`. */
export function eventsCommand(cli: Cli): Command {
  const command = new Command('events')
    .description('Show what happened, oldest first.')
    .option('-A, --all-namespaces', 'Of all namespaces.')
    .option('--for <object>', 'Only about this object, such as pod/web-1.')
    .option('--types <types>', 'Only Normal or Warning.', listOption)
    .option('-w, --watch', 'Go on as more happens.')
    .option('-o, --output <form>', 'yaml, json, name or jsonpath=TEMPLATE.')
    .option('--no-headers', 'Leave out the first line.')
    .action(async (options: Options) => run(cli, options))
  return withExamples(command, 'davit events\ndavit events -A --types=Warning\ndavit events --for pod/web-1 --watch')
}

async function run(cli: Cli, options: Options): Promise<void> {
  const session = await cli.session()
  const printer = await createObjectPrinter(options.output)
  const namespace = options.allNamespaces ? {} : { namespace: session.namespace }
  const fieldSelector = options.for ? await selectorFor(session.types.byName, options.for) : undefined
  const place = { ...namespace, ...(fieldSelector && { fieldSelector }) }
  const isShown = ({ type = '' }: Event) => !options.types || options.types.some(wanted => wanted.toLowerCase() === type.toLowerCase())
  const list = await session.client.resource(eventKind).list(place)
  const events = list.items.filter(isShown).toSorted((one, other) => timeOf(one).localeCompare(timeOf(other)))
  const widths: number[] = []
  let headers = options.headers !== false
  const show = (shown: readonly Event[]) => {
    const rows = shown.map(event => rowOf(event, { now: cli.clock.now(), withNamespace: options.allNamespaces === true }))
    const header = [...(options.allNamespaces ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']
    cli.print(alignColumns(headers ? [header, ...rows] : rows, { widths }))
    headers = false
  }
  if (printer)
    return cli.print(
      printer.print(
        events.map(event => ({ ...event, apiVersion: 'v1', kind: 'Event' }) as unknown as AnyObject),
        { asList: true },
      ),
    )
  if (events.length > 0) show(events)
  else if (!options.watch) cli.warn(options.allNamespaces ? 'No events found.\n' : `No events found in ${session.namespace} namespace.\n`)
  if (!options.watch) return
  const { resourceVersion } = list.metadata
  for await (const event of session.client.resource(eventKind).watch({ ...place, ...(resourceVersion && { resourceVersion }) })) {
    if ((event.type === 'ADDED' || event.type === 'MODIFIED') && isShown(event.object)) show([event.object])
  }
}

async function selectorFor(typeByName: (name: string) => Promise<{ kind: string }>, object: string): Promise<string> {
  const [typeName = '', name = ''] = object.split('/')
  if (!name) throw new Error(`--for must be in resource/name form`)
  return `involvedObject.kind=${(await typeByName(typeName)).kind},involvedObject.name=${name}`
}

function rowOf(event: Event, { now, withNamespace }: { now: number; withNamespace: boolean }): string[] {
  const { type = '', reason = '', message = '', involvedObject, metadata } = event
  const age = (event.count ?? 0) > 1 || event.series ? eventAge(event, now) : ageSince(timeOf(event), now)
  return [
    ...(withNamespace ? [metadata.namespace ?? ''] : []),
    age,
    type,
    reason,
    `${involvedObject.kind}/${involvedObject.name}`,
    message.trim(),
  ]
}
