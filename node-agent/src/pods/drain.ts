/**
 * The drain barrier: SIGTERM goes to a pod only when no node sends it new connections any more and those it has are closed, so that an
 * application that simply exits loses no request.
 */
import { readFile } from 'node:fs/promises'
import { type Clock, type DrainRequest, type DrainResponse, type HttpClient, type Logger, PATHS, type Pod } from '@davit/api'

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
  /** Stands in for the API when it cannot be asked: this node's own data planes. */
  ownDataPlanes?: (signal: AbortSignal) => Promise<void>
}

export type Drain = (pod: Pod, options: { pid: number; graceMs: number; signal: AbortSignal }) => Promise<void>

/** Gives a function that resolves when the pod is drained, or after 5 s or half the grace, whichever is less. */
export function createDrain({ client, clock, log, unanswered, ownDataPlanes = async () => {} }: DrainOptions): Drain {
  return async (pod, { pid, graceMs, signal }) => {
    const limitMs = Math.min(WAIT_MS_MAX, graceMs / 2)
    const over = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
    try {
      const answer = await askBarrier(client, pod, over)
      for (const { node, why } of answer.unanswered) unanswered(pod, node, why)
      // No Service selects it: nobody was sent here.
      if (answer.resourceVersion === '') return
      await untilClosed(pod, pid, { clock, signal: over })
      await clock.sleep(SETTLE_MS, over)
    } catch (err) {
      if (over.aborted) return
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

/** Waits until no connection to a port the pod listens on is established. */
async function untilClosed(pod: Pod, pid: number, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> {
  for (;;) {
    const tables = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')))
    const sockets = tables.flatMap(parseSockets)
    // In the node's own network only the declared ports are the pod's.
    const own = pod.spec.containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort))
    const listening = pod.spec.hostNetwork ? own : sockets.filter(({ state }) => state === LISTEN).map(({ port }) => port)
    const ports = new Set(listening)
    if (!sockets.some(({ state, port }) => state === ESTABLISHED && ports.has(port))) return
    await clock.sleep(POLL_MS, signal)
  }
}

const ESTABLISHED = 0x01
const LISTEN = 0x0a

/** Local port and state of each line of /proc/net/tcp. */
export function parseSockets(table: string): { port: number; state: number }[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap(line => {
      const [, local, , state] = line.trim().split(/\s+/)
      if (!local || !state) return []
      return [{ port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), state: Number.parseInt(state, 16) }]
    })
}
