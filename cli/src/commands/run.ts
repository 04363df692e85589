import { type Pod, podKind } from '@davit/api'
import { Command } from 'commander'
import {
  type Cli,
  integerOption,
  repeatOption,
  UsageError,
  withDryRun,
  withExamples,
  withFieldManager,
  withOutput,
} from '../command-line/index.ts'
import { createResultPrinter, type ResultOptions, writeQuery } from '../results/index.ts'
import type { AnyObject } from '../session/index.ts'

interface Options extends ResultOptions {
  image?: string
  env?: string[]
  labels?: string
  port?: number
  restart: string
  command?: boolean
  stdin?: boolean
  tty?: boolean
  imagePullPolicy?: string
  fieldManager: string
}

/** `davit run`. */
export function runCommand(cli: Cli): Command {
  const command = new Command('run')
    .description('Run an image in a pod of its own.')
    .usage('NAME --image=IMAGE [flags] [-- ARGUMENT ...]')
    .argument('[names...]', 'Name of the pod.')
    .option('--image <image>', 'Image to run.')
    .option('--env <key=value>', 'An environment variable. May be repeated.', repeatOption)
    .option('-l, --labels <labels>', 'Labels of the pod.')
    .option('--port <port>', 'Port the container listens on.', integerOption('--port'))
    .option('--restart <policy>', 'Always, OnFailure or Never.', 'Always')
    .option('--command', 'What follows -- is the program, not its arguments.')
    .option('--image-pull-policy <policy>', 'Always, IfNotPresent or Never.')
    .option('-i, --stdin', 'Keep stdin open, for "davit attach".')
    .option('-t, --tty', 'With a terminal, for "davit attach".')
    .action(async (names: string[], options: Options) => {
      const [name, ...more] = names
      if (name === undefined) throw new UsageError('NAME is required for run')
      if (!options.image) throw new Error('required flag(s) "image" not set')
      const pod = podFor(name, options, [...more, ...(cli.afterDashes ?? [])])
      const result = await createResultPrinter(cli, options)
      const type = {
        group: '',
        version: 'v1',
        kind: 'Pod',
        plural: podKind.plural,
        singular: 'pod',
        shortNames: [],
        categories: [],
        namespaced: true,
      }
      if (result.dryRun === 'client') return result.done({ type, name }, 'created', pod)
      const session = await cli.session()
      const created = await session.api.create(type, { namespace: session.namespace }, pod, {
        query: writeQuery(result, options.fieldManager),
      })
      result.done({ type, name }, 'created', created)
    })
  withFieldManager(withDryRun(withOutput(command)), 'kubectl-run')
  return withExamples(
    command,
    'davit run web --image=nginx:1.25 --port=80\ndavit run once --image=busybox:1.36 --restart=Never -- echo hello\ndavit logs once',
  )
}

function podFor(name: string, options: Options, words: readonly string[]): AnyObject {
  const labels = options.labels
    ? Object.fromEntries(options.labels.split(',').map(part => part.split('=') as [string, string]))
    : { run: name }
  const container = {
    image: options.image!,
    name,
    resources: {},
    ...(words.length > 0 && (options.command ? { command: [...words] } : { args: [...words] })),
    ...(options.env && { env: options.env.map(text => ({ name: text.split('=')[0]!, value: text.slice(text.indexOf('=') + 1) })) }),
    ...(options.port !== undefined && { ports: [{ containerPort: options.port }] }),
    ...(options.imagePullPolicy && { imagePullPolicy: options.imagePullPolicy }),
    ...(options.stdin && { stdin: true, stdinOnce: true }),
    ...(options.tty && { tty: true }),
  }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { creationTimestamp: null, labels, name },
    spec: {
      containers: [container],
      dnsPolicy: 'ClusterFirst',
      restartPolicy: options.restart as NonNullable<Pod['spec']['restartPolicy']>,
    },
    status: {},
  }
  return pod as unknown as AnyObject
}
