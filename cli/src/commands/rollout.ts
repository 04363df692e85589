import { type Deployment, deadlineSignal, deploymentKind, formatTime, isReason, parseDuration, type ReplicaSet } from '@davit/api'
import { Command } from 'commander'
import {
  type Cli,
  integerOption,
  withDryRun,
  withExamples,
  withFieldManager,
  withFiles,
  withOutput,
  withSelector,
} from '../command-line/index.ts'
import { describeTemplate } from '../describe/index.ts'
import { alignColumns, createObjectPrinter } from '../printers/index.ts'
import { collect, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, type ResultPrinter, writeQuery } from '../results/index.ts'
import { annotationsToRestore, changeCauseOf, historyOf, isSameTemplate, revisionOf, rolloutStatus, templateOf } from '../rollout/index.ts'
import { objectLabel, type Session } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  selector?: string
  revision?: number
  toRevision?: number
  watch?: boolean
  timeout?: string
  fieldManager?: string
}

/** `davit rollout`. */
export function rolloutCommand(cli: Cli): Command {
  const command = new Command('rollout').description('Follow, pause, take back or repeat the rollout of a Deployment.')
  for (const child of [status(cli), history(cli), undo(cli), restart(cli), pause(cli), resume(cli)]) command.addCommand(child)
  return withExamples(
    command,
    `
davit rollout status deployment/web     Wait until the new version serves
davit rollout undo deployment/web       Back to the version before
davit rollout restart deployment/web    All pods anew, one after the other`,
  )
}

function subcommand(name: string, description: string): Command {
  const command = new Command(name)
    .description(description)
    .usage('(TYPE NAME | TYPE/NAME | -f FILE) [flags]')
    .argument('[resources...]', 'Type and name, or TYPE/NAME.')
  return withSelector(withFiles(command))
}

function status(cli: Cli): Command {
  const command = subcommand('status', 'Show how far a rollout is, until it is done.')
    .option('-w, --watch', 'Wait until it is done.', true)
    .option('--timeout <duration>', 'Wait no longer than this; 0s: as long as it takes.', '0s')
    .option('--revision <number>', 'Fail when another revision is being rolled out.', integerOption('--revision'))
    .action(async (args: string[], options: Options) => {
      await forDeployments(cli, args, options, {
        act: (session, target) => showStatus(cli, session, target, options),
        refusal: ({ type }) => `no status viewer has been implemented for ${type.kind}`,
      })
    })
  return withExamples(command, 'davit rollout status deployment/web\ndavit rollout status deployment/web --timeout=2m')
}

async function showStatus(cli: Cli, session: Session, { object, name, namespace }: Target, options: Options): Promise<void> {
  const timeoutMs = parseDuration(options.timeout ?? '0s')
  const signal = timeoutMs > 0 ? deadlineSignal(timeoutMs) : undefined
  const show = (deployment: Deployment) => {
    const { text, isDone } = rolloutStatus(deployment, options.revision)
    cli.print(`${text}\n`)
    return isDone
  }
  let version = object?.metadata.resourceVersion
  if (show(object as unknown as Deployment) || options.watch === false) return
  const place = { ...(namespace && { namespace }), fieldSelector: `metadata.name=${name}` }
  const deployments = session.client.resource(deploymentKind)
  try {
    for (;;) {
      try {
        const events = deployments.watch({ ...place, ...(version && { resourceVersion: version }), ...(signal && { signal }) })
        for await (const event of events) {
          version = event.object.metadata.resourceVersion
          if (event.type === 'DELETED') throw new Error('object has been deleted')
          if (event.type !== 'BOOKMARK' && show(event.object)) return
        }
      } catch (err) {
        if (!isReason(err, 'Expired')) throw err
        version = undefined
      }
    }
  } catch (err) {
    if (signal?.aborted) throw new Error('timed out waiting for the condition')
    throw err
  }
}

function history(cli: Cli): Command {
  const command = subcommand('history', 'Show the revisions of a Deployment.')
    .option('--revision <number>', 'Show this revision whole.', integerOption('--revision'), 0)
    .action(async (args: string[], options: Options) => {
      await forDeployments(cli, args, options, {
        act: (session, target) => showHistory(cli, session, target, options),
        refusal: ({ type }) => `no history viewer has been implemented for "${type.kind}"`,
      })
    })
  return withExamples(withOutput(command), 'davit rollout history deployment/web\ndavit rollout history deployment/web --revision=2')
}

async function showHistory(cli: Cli, session: Session, { type, name, object }: Target, options: Options): Promise<void> {
  const sets = await revisionsOf(session, object as unknown as Deployment)
  const revision = options.revision ?? 0
  const printer = await createObjectPrinter(options.output)
  const label = objectLabel(type, name)
  if (revision > 0) {
    const set = sets.find(candidate => revisionOf(candidate) === revision)
    if (!set) throw new Error(`unable to find the specified revision`)
    if (printer) return cli.print(printer.print([{ ...set, apiVersion: 'apps/v1', kind: 'ReplicaSet' }]))
    return cli.print(`${label} with revision #${revision}\n${withChangeCause(describeTemplate(set.spec.template), set)}\n`)
  }
  if (printer)
    return cli.print(
      printer.print(
        sets.map(set => ({ ...set, apiVersion: 'apps/v1', kind: 'ReplicaSet' })),
        { asList: true },
      ),
    )
  if (sets.length === 0) return cli.print(`${label} \nNo rollout history found.\n`)
  const rows = sets.map(set => [String(revisionOf(set)), changeCauseOf(set) ?? '<none>'])
  cli.print(`${label} \n${alignColumns([['REVISION', 'CHANGE-CAUSE'], ...rows], { minWidth: 0, padding: 2 })}\n`)
}

function withChangeCause(text: string, set: ReplicaSet): string {
  const cause = changeCauseOf(set)
  return cause
    ? text.replace(/^(Pod Template:\n(?: +Labels:.*\n(?: {4,}\S.*\n)*)?)/, `$1  Annotations:\tkubernetes.io/change-cause: ${cause}\n`)
    : text
}

async function revisionsOf(session: Session, deployment: Deployment): Promise<ReplicaSet[]> {
  const { current, old } = await historyOf(session.client, deployment)
  return [...old, ...(current ? [current] : [])]
    .filter(set => revisionOf(set) > 0)
    .toSorted((one, other) => revisionOf(one) - revisionOf(other))
}

function undo(cli: Cli): Command {
  const command = subcommand('undo', 'Go back to the version before, or to a certain revision.')
    .option('--to-revision <number>', 'Revision to go back to; 0: the one before.', integerOption('--to-revision'), 0)
    .action(async (args: string[], options: Options) => {
      const result = await createResultPrinter(cli, options)
      await forDeployments(cli, args, options, {
        act: (session, target) => rollBack(session, target, { result, options }),
        refusal: ({ type }) => `no rollbacker has been implemented for "${type.kind}"`,
      })
    })
  return withExamples(
    withDryRun(withOutput(command)),
    'davit rollout undo deployment/web\ndavit rollout undo deployment/web --to-revision=3',
  )
}

async function rollBack(session: Session, target: Target, { result, options }: { result: ResultPrinter; options: Options }): Promise<void> {
  const deployment = target.object as unknown as Deployment
  const { name } = target
  const toRevision = options.toRevision ?? 0
  if (toRevision < 0) throw new Error(`revision must be a positive integer: ${toRevision}`)
  const sets = await revisionsOf(session, deployment)
  if (sets.length === 0 || (toRevision === 0 && sets.length < 2)) throw new Error(`no rollout history found for deployment "${name}"`)
  const set = toRevision > 0 ? sets.find(candidate => revisionOf(candidate) === toRevision) : sets.at(-2)
  if (!set) throw new Error(`unable to find specified revision ${toRevision} in history`)
  if (result.dryRun === 'client') return result.done(target, describeTemplate(set.spec.template), target.object!)
  if (deployment.spec.paused) {
    throw new Error(`you cannot rollback a paused deployment; resume it first with 'davit rollout resume' and try again`)
  }
  const template = templateOf(set)
  if (isSameTemplate(template, deployment.spec.template)) {
    return result.done(target, `skipped rollback (current template already matches revision ${revisionOf(set)})`, target.object!)
  }
  const body = [
    { op: 'replace', path: '/spec/template', value: template },
    { op: 'replace', path: '/metadata/annotations', value: annotationsToRestore(set, deployment) },
  ]
  const patched = await session.api.patch(target.type, target, { type: 'json', body }, { query: writeQuery(result, 'kubectl-rollout') })
  result.done(target, 'rolled back', patched)
}

function restart(cli: Cli): Command {
  return changing(
    cli,
    'restart',
    'Replace all pods by new ones, step by step.',
    'davit rollout restart deployment/web\ndavit rollout restart deployment -l app=web',
    {
      check: ({ name, object }) => {
        if ((object as unknown as Deployment).spec.paused)
          throw new Error(`deployments.apps "${name}" can't restart paused deployment (run rollout resume first)`)
      },
      body: () => ({
        spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': formatTime(cli.clock.now()) } } } },
      }),
      done: 'restarted',
      doing: 'restarting',
    },
  )
}

function pause(cli: Cli): Command {
  return changing(cli, 'pause', 'Let changes gather until "rollout resume".', 'davit rollout pause deployment/web', {
    check: ({ name, object }) => {
      if ((object as unknown as Deployment).spec.paused) throw new Error(`deployments.apps "${name}" is already paused`)
    },
    body: () => ({ spec: { paused: true } }),
    done: 'paused',
    doing: 'pausing',
  })
}

function resume(cli: Cli): Command {
  return changing(cli, 'resume', 'Roll out what gathered since "rollout pause".', 'davit rollout resume deployment/web', {
    check: ({ name, object }) => {
      if (!(object as unknown as Deployment).spec.paused) throw new Error(`deployments.apps "${name}" is not paused`)
    },
    body: () => ({ spec: { paused: null } }),
    done: 'resumed',
    doing: 'resuming',
  })
}

interface Change {
  check: (target: Target) => void
  body: () => object
  /** As in `web restarted` and `restarting is not supported`. */
  done: string
  doing: string
}

function changing(cli: Cli, name: string, description: string, examples: string, { check, body, done, doing }: Change): Command {
  const command = subcommand(name, description).action(async (args: string[], options: Options) => {
    const result = await createResultPrinter(cli, options)
    const query = writeQuery(result, options.fieldManager ?? 'kubectl-rollout')
    await forDeployments(cli, args, options, {
      act: async (session, target) => {
        check(target)
        const patch = { type: 'strategic', body: body() } as const
        result.done(target, done, await session.api.patch(target.type, target, patch, { query }))
      },
      refusal: target => `${target.type.plural} "${target.name}" ${doing} is not supported`,
    })
  })
  return withExamples(withFieldManager(withOutput(command), 'kubectl-rollout'), examples)
}

/** Runs `act` for every Deployment named, going on past failures. */
async function forDeployments(
  cli: Cli,
  args: readonly string[],
  options: Options,
  { act, refusal }: { act: (session: Session, target: Target) => Promise<void>; refusal: (target: Target) => string },
): Promise<void> {
  if (args.length === 0 && !options.filename) throw new Error('required resource not specified')
  const session = await cli.session()
  const { filename: files, recursive, selector } = options
  const { targets, failures } = await selectTargets(session, args, { files, recursive, stdin: cli.stdin, selector, all: true })
  if (targets.length === 0 && failures.length === 0) cli.warn(`No resources found in ${session.namespace} namespace.\n`)
  for (const target of targets) {
    await collect(failures, async () => {
      if (target.type.plural !== 'deployments') throw new Error(refusal(target))
      await act(session, target)
    })
  }
  throwCollected(failures)
}
