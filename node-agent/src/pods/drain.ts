/**
 * The drain barrier: SIGTERM goes to a pod only when no node sends it new connections any more and those it has are closed, so that an
 * application that simply exits loses no request.
 */
import { readFile } from 'node:fs/promises'
import {
  type Clock,
  type DrainRequest,
  type DrainResponse,
  deadlineSignal,
  type HttpClient,
  type Logger,
  PATHS,
  type Pod,
} from '@davit/api'

const WAIT_MS_MAX = 5_000
/** For what is on its way when the last socket closes. */
const SETTLE_MS = 100
/** With the control plane away: about as long as rules of other nodes are behind. */
const BLIND_MS = 1_000
const POLL_MS = 20

export interface DrainOptions {
  client: Pick<HttpClient, 'raw'>
  clock: Clock
  log: Logger
  /** Told of nodes that did not answer. */
  unanswered: (pod: Pod, node: string, why: string) => void
  /** Makes the kernel forget the closed connections that led to an address, before Docker does so less carefully. */
  forgetClosed: (address: string) => Promise<void>
  /** Sockets as /proc/PID/net tells them; default: this host's. */
  socketsOf?: (pid: number) => Promise<Socket[]>
  /** Stands in for the API when it cannot be asked: this node's own data planes. */
  ownDataPlanes?: (signal: AbortSignal) => Promise<void>
}

/** `address`: the pod's own; undefined when it has none but its node's. */
export type Drain = (pod: Pod, options: { pid: number; address?: string; graceMs: number; signal: AbortSignal }) => Promise<void>

/** Gives a function that resolves when the pod is drained, or after 5 s or half the grace, whichever is less. */
export function createDrain({
  client,
  clock,
  log,
  unanswered,
  forgetClosed,
  socketsOf = readSockets,
  ownDataPlanes = async () => {},
}: DrainOptions): Drain {
  return async (pod, { pid, address, graceMs, signal }) => {
    const limitMs = Math.min(WAIT_MS_MAX, graceMs / 2)
    const over = deadlineSignal(limitMs, signal)
    let waitingFor = 'nodes to lead nobody to it'
    try {
      const answer = await askBarrier(client, pod, over)
      for (const { node, why } of answer.unanswered) unanswered(pod, node, why)
      // No Service selects it: nobody was sent here.
      if (answer.resourceVersion === '') return
      waitingFor = 'its connections to close'
      do {
        while (hasOpen(pod, await socketsOf(pid))) await clock.sleep(POLL_MS, over)
        await clock.sleep(SETTLE_MS, over)
      } while (hasOpen(pod, await socketsOf(pid)))
      if (address !== undefined) await forgetClosed(address)
    } catch (err) {
      if (signal.aborted) return
      if (over.aborted) return log.warn({ pod: pod.metadata.name, limitMs, waitingFor }, 'The time to drain is over')
      log.warn({ pod: pod.metadata.name, err }, 'Cannot ask for the drain barrier')
      await Promise.all([ownDataPlanes(over), clock.sleep(BLIND_MS, over)]).catch(() => {})
    }
  }
}

async function askBarrier(client: Pick<HttpClient, 'raw'>, pod: Pod, signal: AbortSignal): Promise<DrainResponse> {
  const { namespace = '', name = '', uid = '' } = pod.metadata
  const request: DrainRequest = { namespace, name, uid }
  const response = await client.raw({
    method: 'POST',
    path: PATHS.drain,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal,
  })
  const chunks: Buffer[] = []
  for await (const chunk of response.body) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (response.status !== 200)
    throw new Error(`The drain of "${namespace}/${name}" was answered with ${response.status}: ${text.slice(0, 200)}`)
  return JSON.parse(text) as DrainResponse
}

export interface Socket {
  /** The local one. */
  port: number
  state: number
}

const STATES = { established: 0x01, synReceived: 0x03, finWait1: 0x04, lastAck: 0x09, listen: 0x0a, closing: 0x0b }
/** Somebody may still send or be owed an answer. */
const OPEN: ReadonlySet<number> = new Set([
  STATES.established,
  STATES.synReceived,
  // Closed by the application; what it wrote last was not confirmed yet.
  STATES.finWait1,
  STATES.lastAck,
  STATES.closing,
])

/** True while a connection to a port that the pod listens on is open. */
function hasOpen(pod: Pod, sockets: readonly Socket[]): boolean {
  // In the node's own network only the declared ports are the pod's.
  const own = pod.spec.containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort))
  const listening = pod.spec.hostNetwork ? own : sockets.filter(({ state }) => state === STATES.listen).map(({ port }) => port)
  const ports = new Set(listening)
  return sockets.some(({ state, port }) => OPEN.has(state) && ports.has(port))
}

async function readSockets(pid: number): Promise<Socket[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')))
  return tables.flatMap(parseSockets)
}

/** Local port and state of each line of /proc/net/tcp. */
export function parseSockets(table: string): Socket[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap(line => {
      const [, local, , state] = line.trim().split(/\s+/)
      if (!local || !state) return []
      return [{ port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), state: Number.parseInt(state, 16) }]
    })
}
