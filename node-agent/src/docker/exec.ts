import { deadlineSignal } from '@davit/api'
import type Dockerode from 'dockerode'
import { z } from 'zod'
import { ask, DockerError, toDockerError } from './calls.ts'
import { unframed } from './frames.ts'
import { killTree } from './process-tree.ts'

/** As much of a command's output as probes and hooks show. */
const OUTPUT_BYTES_MAX = 10 * 1024

/** For how long a command that overran is looked for before it has begun: ten seconds. */
const KILL_TRIES = 200
const KILL_EVERY_MS = 50

export interface ExecResult {
  readonly exitCode: number
  /** Both streams, the first 10 KiB. */
  readonly output: string
  readonly timedOut: boolean
}

const execSchema = z.object({ Running: z.boolean(), ExitCode: z.number().nullish(), Pid: z.number().default(0) })

/** Runs `command` in the container. Docker has no time limit of its own: what overruns is killed by its pid on the host. */
export async function runExec(
  raw: Dockerode,
  id: string,
  command: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<ExecResult> {
  const created = await ask(
    'create exec',
    30_000,
    abortSignal => raw.getContainer(id).exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, abortSignal }),
    signal,
  )
  const inspect = async () => execSchema.parse(await ask('inspect exec', 30_000, abortSignal => created.inspect({ abortSignal })))
  const stopped = deadlineSignal(timeoutMs, signal)

  let output: Awaited<ReturnType<typeof created.start>>
  try {
    output = await ask('start exec', 30_000, abortSignal => created.start({ hijack: true, stdin: false, abortSignal }), signal)
  } catch (err) {
    throw toDockerError(err)
  }
  const stop = () => output.destroy()
  stopped.addEventListener('abort', stop, { once: true })
  // A slow Docker may have used up the time before the command began.
  if (stopped.aborted) stop()
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of output as AsyncIterable<Buffer>) {
      if (bytes < OUTPUT_BYTES_MAX) chunks.push(chunk)
      bytes += chunk.length
    }
  } catch (err) {
    if (!stopped.aborted) throw toDockerError(err)
  } finally {
    stopped.removeEventListener('abort', stop)
  }
  const text = unframed(Buffer.concat(chunks)).slice(0, OUTPUT_BYTES_MAX)
  if (!stopped.aborted) return { exitCode: await exitCodeOf(inspect), output: text, timedOut: false }
  await killExec(inspect)
  if (signal?.aborted) throw signal.reason
  return { exitCode: -1, output: text, timedOut: true }
}

/**
 * Ends what overran. Docker gives the pid as the host sees it, where this agent lives too. What a shell had started would run on without
 * it, and on a busy machine the process may come to life only now.
 */
async function killExec(inspect: () => Promise<z.infer<typeof execSchema>>): Promise<void> {
  for (let tries = 0; tries < KILL_TRIES; tries++) {
    const { Running: running, Pid: pid, ExitCode: exitCode } = await inspect()
    if (running && pid > 1) return killTree(pid)
    if (!running && typeof exitCode === 'number') return
    await new Promise(resolve => setTimeout(resolve, KILL_EVERY_MS))
  }
}

/** The stream may end a moment before Docker notes the exit. */
async function exitCodeOf(inspect: () => Promise<z.infer<typeof execSchema>>): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const { Running: running, ExitCode: exitCode } = await inspect()
    if (!running) return exitCode ?? -1
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new DockerError('Docker did not note the end of an exec within 1 s', 0)
}
