import { type Pod, podKind, resourcePath } from '@davit/api'
import { Command } from 'commander'
import { type Cli, ExitError, UsageError, withExamples } from '../command-line/index.ts'
import { defaultContainer, findPod } from '../pods/index.ts'
import { COMMAND_PROTOCOLS, type CommandStreams, runCommandStream } from '../streams/index.ts'

interface Options {
  stdin?: boolean
  tty?: boolean
  container?: string
  quiet?: boolean
}

/** `davit exec`. */
export function execCommand(cli: Cli): Command {
  const command = new Command('exec')
    .description('Run a program in a container of a pod.')
    .usage('(POD | TYPE/NAME) [-c CONTAINER] [flags] -- PROGRAM [ARGUMENT ...]')
    .argument('[pod...]', 'Pod, or TYPE/NAME of what runs pods.')
    .option('-c, --container <name>', 'Container; the first when left out.')
    .option('-i, --stdin', 'Pass stdin on to the program.')
    .option('-t, --tty', 'Give the program a terminal.')
    .option('-q, --quiet', 'Only what the program prints.')
    .action(async (args: string[], options: Options) => {
      const [target, ...more] = args
      if (target === undefined) throw new Error('pod, type/name or --filename must be specified')
      if (more.length > 0) throw new UsageError('exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead')
      if (!cli.afterDashes?.length) throw new Error('you must specify at least one command for the container')
      await run(cli, target, { options, verb: 'exec', words: cli.afterDashes })
    })
  return withExamples(
    command,
    `
davit exec web-1 -- ls /                The first container of a pod
davit exec -it web-1 -- sh              A shell
davit exec deploy/web -c app -- env     A container of one of a Deployment's pods
tar c . | davit exec -i web-1 -- tar x -C /tmp`,
  )
}

/** `davit attach`. */
export function attachCommand(cli: Cli): Command {
  const command = new Command('attach')
    .description("Connect to a running container's own program.")
    .usage('(POD | TYPE/NAME) [-c CONTAINER] [flags]')
    .argument('<pod>', 'Pod, or TYPE/NAME of what runs pods.')
    .option('-c, --container <name>', 'Container; the first when left out.')
    .option('-i, --stdin', 'Pass stdin on to the program.')
    .option('-t, --tty', 'The program has a terminal.')
    .option('-q, --quiet', 'Only what the program prints.')
    .action(async (target: string, options: Options) => run(cli, target, { options, verb: 'attach', words: [] }))
  return withExamples(command, 'davit attach web-1\ndavit attach -it web-1 -c shell')
}

async function run(
  cli: Cli,
  target: string,
  { options, verb, words }: { options: Options; verb: 'exec' | 'attach'; words: readonly string[] },
): Promise<void> {
  const session = await cli.session()
  const { pod } = await findPod(session, target)
  const { phase } = pod.status ?? {}
  if (phase === 'Succeeded' || phase === 'Failed')
    throw new Error(`cannot ${verb} ${verb === 'exec' ? 'into' : 'to'} a container in a completed pod; current phase is ${phase}`)
  const container = chooseContainer(cli, pod, options)
  const hasTty = terminalOf(cli, options)
  const path = resourcePath(podKind, { namespace: pod.metadata.namespace, name: pod.metadata.name }, verb)
  const query = {
    ...(words.length > 0 && { command: words }),
    container,
    ...(options.stdin && { stdin: true }),
    stdout: true,
    ...(!hasTty && { stderr: true }),
    ...(hasTty && { tty: true }),
  }
  const socket = await session.client.openWebSocket(path, query, COMMAND_PROTOCOLS)
  if (verb === 'attach' && !options.quiet) cli.warn("If you don't see a command prompt, try pressing enter.\n")
  if (hasTty) cli.stdin.setRawMode?.(true)
  try {
    const result = await runCommandStream(socket, streamsOf(cli, options, hasTty))
    if (result.ended === 'exit') throw new ExitError(result.exitCode, `command terminated with exit code ${result.exitCode}`)
    if (result.ended === 'failed') throw new Error(result.message)
  } finally {
    if (hasTty) cli.stdin.setRawMode?.(false)
  }
}

function chooseContainer(cli: Cli, pod: Pod, { container, quiet }: Options): string {
  if (container) return container
  const { name, note } = defaultContainer(pod)
  if (note && !quiet) cli.warn(`${note}\n`)
  return name
}

/** Without stdin there is no terminal; one that is wanted but not there is no error: scripts run what people run. */
function terminalOf(cli: Cli, { tty, stdin }: Options): boolean {
  if (!tty || !stdin) return false
  if (!cli.stdin.isTTY) cli.warn('Unable to use a TTY - input is not a terminal or the right kind of file\n')
  return cli.stdin.isTTY === true
}

function streamsOf(cli: Cli, { stdin }: Options, hasTty: boolean): CommandStreams {
  const { stdout } = cli
  return {
    ...(stdin && { stdin: cli.stdin }),
    stdout,
    stderr: cli.stderr,
    ...(hasTty &&
      stdout.isTTY && {
        size: {
          read: () => ({ columns: stdout.columns ?? 0, rows: stdout.rows ?? 0 }),
          onChange: listener => {
            stdout.on('resize', listener)
            return () => void stdout.off('resize', listener)
          },
        },
      }),
  }
}
