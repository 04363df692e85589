/** exec and attach: a process in a container on one side, `StreamFrame`s of the control plane on the other. */
import type { ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { ApiError, badRequest, CHANNELS, encodeFrame, readFrames, type Status, type StreamFrame, writeChunk } from '@davit/api'
import { z } from 'zod'
import { DockerError, killTree } from '../docker/index.ts'
import type { StreamContext, StreamRequest } from './create-stream-handler.ts'
import { dialHijacked } from './docker-dial.ts'
import { readOutput } from './docker-frames.ts'
import { findRunning } from './find-container.ts'
import { flag } from './log-query.ts'

/**
 * Docker takes a key sequence for "detach" out of what is typed, by default Ctrl-P Ctrl-Q, and holds each Ctrl-P back for it. This
 * one nobody types.
 */
const DETACH_KEYS = 'ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^'
const EXIT_TRIES_MAX = 100
const EXIT_INTERVAL_MS = 20
/** For the last output of a container that has ended. */
const LAST_OUTPUT_MS = 1_000

interface CommandOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** A process whose streams are open. */
interface RunningCommand {
  readonly socket: Duplex
  readonly tty: boolean
  resize(size: TerminalSize): Promise<void>
  /** Settles once there is nothing more to come but what is on its way; for those whose socket may stay open. */
  readonly ended?: Promise<unknown>
  /** Called once all output is there. */
  outcome(): Promise<Status>
  /** Called when nobody is there any more who wants the output. */
  abandon(): Promise<void>
}

const sizeSchema = z.object({ Width: z.number().int().min(0).max(65_535), Height: z.number().int().min(0).max(65_535) })
type TerminalSize = z.infer<typeof sizeSchema>

const execSchema = z.object({ Running: z.boolean(), ExitCode: z.number().nullish(), Pid: z.number().default(0) })

const SUCCESS: Status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', code: 200 }

/** Serves `POST /exec/<namespace>/<pod>/<uid>/<container>?command=…`. */
export async function serveExec(context: StreamContext, request: StreamRequest): Promise<void> {
  const command = request.query.getAll('command')
  if (command.length === 0) throw badRequest('you must specify at least 1 command for the container')
  const options = commandOptions(request.query)
  const running = await inWords(() => startExec(context, request, { ...options, command }))
  await pump(context, request, running)
}

/** Serves `POST /attach/<namespace>/<pod>/<uid>/<container>`. */
export async function serveAttach(context: StreamContext, request: StreamRequest): Promise<void> {
  const options = commandOptions(request.query)
  const running = await inWords(() => startAttach(context, request, options))
  await pump(context, request, running)
}

function commandOptions(query: URLSearchParams): CommandOptions {
  const tty = flag(query, 'tty')
  // A terminal is one stream: Kubernetes drops stderr without a word.
  const options = { stdin: flag(query, 'stdin'), stdout: flag(query, 'stdout'), stderr: flag(query, 'stderr') && !tty, tty }
  if (!options.stdin && !options.stdout && !options.stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
  return options
}

/** What Docker refuses is the caller's affair (no such directory, paused container), not a fault of this agent. */
async function inWords<R>(start: () => Promise<R>): Promise<R> {
  try {
    return await start()
  } catch (err) {
    if (err instanceof DockerError && err.code >= 400 && err.code < 500) throw badRequest(err.message)
    throw err
  }
}

async function startExec(
  { docker, containers, clock, log }: StreamContext,
  { names, gone }: StreamRequest,
  { command, stdin, stdout, stderr, tty }: CommandOptions & { command: string[] },
): Promise<RunningCommand> {
  const { raw } = docker
  const container = findRunning(containers, nameOf(names))
  const body = { Cmd: command, AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr, Tty: tty, DetachKeys: DETACH_KEYS }
  const { id } = await raw
    .getContainer(container.id)
    .exec({ ...body, abortSignal: gone })
    .catch(rethrow)
  const path = `/exec/${id}/start`
  const socket = await dialHijacked(raw, { method: 'POST', path, options: { Detach: false, Tty: tty }, signal: gone })
  const exec = raw.getExec(id)
  const inspect = async () => execSchema.parse(await exec.inspect())
  return {
    socket,
    tty,
    resize: async ({ Width, Height }) => void (await exec.resize({ w: Width, h: Height })),
    async outcome() {
      // The output may end a moment before Docker notes the exit.
      for (let tries = 0; tries < EXIT_TRIES_MAX; tries++) {
        const { Running: running, ExitCode: exitCode } = await inspect()
        if (!running) return exitStatus(exitCode ?? 0)
        await clock.sleep(EXIT_INTERVAL_MS, gone)
      }
      return failure('InternalError', 'Docker did not note the end of the command')
    },
    async abandon() {
      // The first output may come before Docker notes the pid.
      for (let tries = 0; tries < EXIT_TRIES_MAX; tries++) {
        const { Running: running, Pid: pid } = await inspect()
        if (!running) return
        if (pid > 1) {
          log.debug({ pid, container: container.id }, 'Killing a command whose client went away')
          return killTree(pid)
        }
        await clock.sleep(EXIT_INTERVAL_MS)
      }
      log.warn({ container: container.id }, 'Cannot end a command whose client went away: Docker does not tell its pid')
    },
  }
}

async function startAttach(
  { docker, containers }: StreamContext,
  { names, gone }: StreamRequest,
  { stdin, stdout, stderr }: CommandOptions,
): Promise<RunningCommand> {
  const { raw } = docker
  const container = findRunning(containers, nameOf(names))
  const { tty } = container
  const options = { stream: true, stdin: stdin && container.openStdin, stdout, stderr: stderr && !tty, detachKeys: DETACH_KEYS }
  const path = `/containers/${container.id}/attach?`
  const socket = await dialHijacked(raw, { method: 'POST', path, options: { _query: options, _body: {} }, signal: gone })
  return {
    socket,
    tty,
    // Docker never ends what was attached a moment after the container's end.
    ended: raw.getContainer(container.id).wait({ abortSignal: gone }),
    resize: async ({ Width, Height }) => void (await raw.getContainer(container.id).resize({ w: Width, h: Height })),
    // The container's own end says the rest, in the pod's status.
    outcome: async () => SUCCESS,
    abandon: async () => {},
  }
}

function nameOf([, podName = '', podUid = '', container = '']: readonly string[]) {
  return { podName, podUid, container }
}

function rethrow(err: unknown): never {
  const { message, statusCode = 0 } = err as { message: string; statusCode?: number }
  throw new DockerError(message.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim(), statusCode, { cause: err })
}

/** Moves bytes both ways until the command's output ends or the other side goes away. */
async function pump({ clock, log }: StreamContext, { stream, gone }: StreamRequest, running: RunningCommand): Promise<void> {
  const { socket } = running
  let isOver = false
  const end = () => {
    isOver = true
    socket.destroy()
  }
  // Who cannot be waited for is told of by the socket, or not at all.
  running.ended?.then(() => clock.sleep(LAST_OUTPUT_MS, gone)).then(end, () => {})
  const stop = () => socket.destroy()
  gone.addEventListener('abort', stop, { once: true })
  if (gone.aborted) stop()
  let isHeard = true
  try {
    if (!stream.destroyed) stream.respond({ ':status': 200 })
    passInput(stream, running).catch(err => {
      if (gone.aborted) return
      log.warn({ err }, 'Broke off a command: its input cannot be read')
      socket.destroy()
    })
    for await (const { channel, payload } of readOutput(socket, running)) {
      isHeard = await writeChunk(stream, encodeFrame(channel, payload))
      if (!isHeard) break
    }
    if (isHeard && !gone.aborted) await writeChunk(stream, statusFrame(await running.outcome()))
  } catch (err) {
    if (!gone.aborted) await writeChunk(stream, statusFrame(isOver ? await running.outcome() : failureOf(err)))
  } finally {
    gone.removeEventListener('abort', stop)
    socket.destroy()
    if (!isHeard || gone.aborted) await running.abandon().catch(err => log.warn({ err }, 'Cannot end a command whose client went away'))
  }
  stream.end()
}

async function passInput(stream: ServerHttp2Stream, { socket, resize }: RunningCommand): Promise<void> {
  for await (const frame of readFrames(stream)) {
    if (frame.channel === CHANNELS.stdin) await writeChunk(socket, frame.payload)
    else if (frame.channel === CHANNELS.close && frame.payload[0] === CHANNELS.stdin) socket.end()
    else if (frame.channel === CHANNELS.resize) await resizeTo(frame, resize)
  }
}

async function resizeTo({ payload }: StreamFrame, resize: RunningCommand['resize']): Promise<void> {
  const size = sizeSchema.safeParse(parseJson(payload))
  if (!size.success || size.data.Width === 0 || size.data.Height === 0) return
  // The command may have ended already, or not begun: a wrong size hurts nobody.
  await resize(size.data).catch(() => {})
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}

function statusFrame(status: Status): Buffer {
  return encodeFrame(CHANNELS.error, Buffer.from(JSON.stringify(status)))
}

function exitStatus(exitCode: number): Status {
  if (exitCode === 0) return SUCCESS
  const message = `command terminated with non-zero exit code: exit status ${exitCode}`
  return failure('NonZeroExitCode', message, [{ reason: 'ExitCode', message: String(exitCode) }])
}

function failure(reason: string, message: string, causes?: { reason: string; message: string }[]): Status {
  return {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(causes && { details: { causes } }),
    code: 500,
  }
}

function failureOf(err: unknown): Status {
  if (err instanceof ApiError) return err.status
  return failure('InternalError', `error executing command in container: ${err instanceof Error ? err.message : String(err)}`)
}
