import { deadlineSignal, isReason, parseDuration } from '@davit/api'
import { Command } from 'commander'
import { type Cli, withExamples, withFiles, withSelector } from '../command-line/index.ts'
import { waitUntilGone } from '../deletion/index.ts'
import { valuesAtPath, valueText } from '../printers/index.ts'
import { collect, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { type AnyObject, objectLabel, type Session, valueAt } from '../session/index.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  selector?: string
  fieldSelector?: string
  all?: boolean
  allNamespaces?: boolean
  for: string
  timeout: string
}

type Wanted = { for: 'delete' } | { for: 'create' } | { for: 'state'; isMet: (object: AnyObject) => boolean }

/** `davit wait`. */
export function waitCommand(cli: Cli): Command {
  const command = new Command('wait')
    .description('Wait until objects are in a state, or gone.')
    .usage('(-f FILE | TYPE/NAME ... | TYPE (-l SELECTOR | --all)) --for=WHAT [flags]')
    .argument('[resources...]', 'Types and names, or TYPE/NAME.')
    .option('--for <what>', "condition=Ready, condition=Available=false, delete, create, or jsonpath='{.status.phase}'=Running.")
    .option('--timeout <duration>', 'Wait no longer than this; 0: look once; negative: a week.', '30s')
    .option('--all', 'All objects of the type in this namespace.')
    .option('-A, --all-namespaces', 'Objects of all namespaces.')
    .option('--field-selector <fields>', 'Only objects with these fields.')
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withSelector(withFiles(command))
  return withExamples(
    command,
    `
davit wait --for=condition=Ready pod/web-1
davit wait --for=condition=Available deployment --all --timeout=2m
davit wait --for=delete pod/web-1
davit wait --for=jsonpath='{.status.phase}'=Running pod/web-1`,
  )
}

const WEEK_MS = 7 * 24 * 3_600_000

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const wanted = parseWanted(options.for ?? '')
  const asked = parseDuration(options.timeout)
  const timeoutMs = asked < 0 ? WEEK_MS : asked
  const signal = deadlineSignal(Math.max(1, timeoutMs))
  const session = await cli.session()
  const { filename: files, recursive, selector, fieldSelector, all, allNamespaces } = options
  const select = () => selectTargets(session, args, { files, recursive, stdin: cli.stdin, selector, fieldSelector, all, allNamespaces })
  const { targets, failures } = wanted.for === 'create' ? await waitForCreation(select, signal) : await select()
  // What is gone already need not be waited for.
  const troubles = failures.filter(failure => !(wanted.for === 'delete' && isReason(failure, 'NotFound')))
  throwCollected(troubles)
  if (targets.length === 0) {
    if (wanted.for === 'delete') return
    throw new Error('no matching resources found')
  }
  await Promise.all(
    targets.map(target =>
      collect(troubles, async () => {
        try {
          await waitFor(session, target, { wanted, signal })
          cli.print(`${objectLabel(target.type, target.name)} condition met\n`)
        } catch (err) {
          if (!signal.aborted) throw err
          throw new Error(`timed out waiting for the condition on ${target.type.plural}/${target.name}`)
        }
      }),
    ),
  )
  throwCollected(troubles)
}

function parseWanted(text: string): Wanted {
  if (text.toLowerCase() === 'delete') return { for: 'delete' }
  if (text.toLowerCase() === 'create') return { for: 'create' }
  const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(text)
  if (condition) {
    const [, type = '', value = 'true'] = condition
    return { for: 'state', isMet: object => hasCondition(object, type.toLowerCase(), value.toLowerCase()) }
  }
  const path = /^jsonpath=(['"]?)(\{.*?\}|[^=]+)\1(?:=(.*))?$/s.exec(text)
  if (path) {
    const [, , expression = '', value] = path
    return { for: 'state', isMet: object => isAt(object, expression, value?.replace(/^(['"])(.*)\1$/, '$2')) }
  }
  throw new Error(`unrecognized condition: "${text}"`)
}

/** A condition counts only when it was written for the object as it is now. */
function hasCondition(object: AnyObject, type: string, value: string): boolean {
  const conditions = (valueAt(object, 'status', 'conditions') ?? []) as { type?: string; status?: string; observedGeneration?: number }[]
  const found = conditions.find(condition => condition.type?.toLowerCase() === type)
  if (!found) return false
  const { generation } = object.metadata
  const observed = found.observedGeneration ?? valueAt(object, 'status', 'observedGeneration')
  if (generation !== undefined && typeof observed === 'number' && observed < generation) return false
  return found.status?.toLowerCase() === value
}

function isAt(object: AnyObject, expression: string, value: string | undefined): boolean {
  const found = valuesAtPath(expression, object)
  if (value === undefined) return found.length > 0
  if (found.length > 1) throw new Error(`given jsonpath expression matches more than one value`)
  return found.length === 1 && valueText(found[0]) === value
}

async function waitFor(session: Session, target: Target, { wanted, signal }: { wanted: Wanted; signal: AbortSignal }): Promise<void> {
  const { type, namespace, name, object } = target
  if (wanted.for === 'create') return
  if (wanted.for === 'delete') return waitUntilGone(session, target, object?.metadata.uid, signal)
  if (object && wanted.isMet(object)) return
  let version = object?.metadata.resourceVersion
  for (;;) {
    const query = { fieldSelector: `metadata.name=${name}`, ...(version && { resourceVersion: version }) }
    try {
      for await (const event of session.api.watch(type, { namespace }, { query, signal })) {
        version = event.object.metadata.resourceVersion
        if (event.type !== 'DELETED' && wanted.isMet(event.object)) return
      }
    } catch (err) {
      if (!isReason(err, 'Expired') && !isReason(err, 'Gone')) throw err
      version = undefined
    }
    signal.throwIfAborted()
  }
}

type Selected = { targets: Target[]; failures: unknown[] }

/** Looks again every second: an object that is not there cannot be watched by name alone for every kind of argument. */
async function waitForCreation(select: () => Promise<Selected>, signal: AbortSignal): Promise<Selected> {
  for (;;) {
    const selected = await select()
    const isMissing = selected.failures.some(failure => isReason(failure, 'NotFound')) || selected.targets.length === 0
    if (!isMissing || signal.aborted) return selected
    await new Promise(resolve => setTimeout(resolve, 1_000))
  }
}
