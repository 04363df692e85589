/**
 * The drain barrier's middle: from which EndpointSlice version on a deleted pod is offered to nobody, and which nodes stand
 * there. The agent that stops the pod waits for this answer before it sends SIGTERM.
 */
import {
  type Clock,
  type DrainRequest,
  type DrainResponse,
  forbidden,
  GROUPS,
  isNodeReady,
  isReason,
  type Kind,
  type Logger,
  NODE_USER_PREFIX,
  type Node,
  type Pod,
  type Service,
  timedOut,
} from '@davit/api'
import type { Registry, User } from '../registry/index.ts'
import type { Tunnels } from '../tunnel/index.ts'
import { Barriers } from './barriers.ts'
import { SliceView } from './slices.ts'

/** How long the EndpointSlice controller may take. */
const SLICES_MS_MAX = 2000
/** As the node lifecycle controller judges a tunnel. */
const SILENT_MS_MAX = 2500
/** While a node owes an answer. */
const DOWN_CHECK_INTERVAL_MS = 100

const SYSTEM: User = { name: 'system:apiserver', groups: [GROUPS.masters] }

export interface Drains {
  /** Throws Forbidden when a node asks for another's pod, Timeout when the slices go on offering the pod. */
  drain(request: DrainRequest, user: User, signal: AbortSignal): Promise<DrainResponse>
}

export interface DrainsOptions {
  readonly registry: Registry
  readonly tunnels: Tunnels
  readonly clock: Clock
  readonly log: Logger
}

export function createDrains({ registry, tunnels, clock, log }: DrainsOptions): Drains {
  const barriers = new Barriers({ tunnels, clock, log })
  const kinds = new Map(registry.kinds.builtIn.map(kind => [`${kind.group}/${kind.plural}`, kind]))

  return {
    drain: async (request, user, signal) => {
      const pod = await findPod(request, signal)
      if (!pod) return { resourceVersion: '', unanswered: [] }
      checkNode(kindOf('/pods'), pod, user)
      // The pod was read fresh and all caches stand at one revision: what follows is at least as new as its deletion.
      const services = await selectingServices(pod, signal)
      const resourceVersion = await slicesDrained(pod, services, signal)
      if (resourceVersion === '') return { resourceVersion, unanswered: [] }
      return { resourceVersion, unanswered: await askNodes(Number(resourceVersion), signal) }
    },
  }

  function kindOf(name: string): Kind {
    const kind = kinds.get(name)
    if (!kind) throw new Error(`Cannot drain pods: the registry does not serve ${JSON.stringify(name)}`)
    return kind
  }

  async function findPod({ namespace, name, uid }: DrainRequest, signal: AbortSignal): Promise<Pod | undefined> {
    try {
      const { object } = await registry.get({ user: SYSTEM, signal }, kindOf('/pods'), { namespace, name })
      return object.metadata.uid === uid ? (object as Pod) : undefined
    } catch (err) {
      if (isReason(err, 'NotFound')) return undefined
      throw err
    }
  }

  async function selectingServices(pod: Pod, signal: AbortSignal): Promise<Set<string>> {
    const namespace = pod.metadata.namespace ?? ''
    const { items } = await registry.list({ user: SYSTEM, signal }, kindOf('/services'), { namespace, resourceVersion: '0' })
    const selecting = items.map(({ object }) => object as Service).filter(service => selects(service, pod))
    return new Set(selecting.map(service => service.metadata.name ?? ''))
  }

  async function slicesDrained(pod: Pod, services: ReadonlySet<string>, signal: AbortSignal): Promise<string> {
    const { namespace = '', name = '', uid = '' } = pod.metadata
    const view = new SliceView({ podUid: uid, services })
    const ended = new AbortController()
    clock.sleep(SLICES_MS_MAX, ended.signal).then(
      () => ended.abort(),
      () => {},
    )
    try {
      const context = { user: SYSTEM, signal: AbortSignal.any([signal, ended.signal]) }
      const parameters = { namespace, sendInitialEvents: true, allowWatchBookmarks: true }
      for await (const events of registry.watch(context, kindOf('discovery.k8s.io/endpointslices'), parameters)) {
        view.apply(events)
        const resourceVersion = view.drainedAt()
        if (resourceVersion !== undefined) return resourceVersion
      }
    } catch (err) {
      if (!ended.signal.aborted) throw err
    } finally {
      ended.abort()
    }
    signal.throwIfAborted()
    throw timedOut(`EndpointSlices still offer pod "${namespace}/${name}" ${SLICES_MS_MAX} ms after it was asked to drain`)
  }

  async function askNodes(revision: number, signal: AbortSignal): Promise<DrainResponse['unanswered']> {
    const { items } = await registry.list({ user: SYSTEM, signal }, kindOf('/nodes'), { resourceVersion: '0' })
    const answers = items.map(async ({ object }) => {
      const node = object.metadata.name ?? ''
      const isLive = hasLiveTunnel(node)
      // A node that is known to be down takes no new connections that count.
      if (!isLive && !isNodeReady(object as Node)) return undefined
      const why = await askNode(node, revision, signal)
      return why === undefined ? undefined : { node, why }
    })
    return (await Promise.all(answers)).filter(answer => answer !== undefined)
  }

  function hasLiveTunnel(node: string): boolean {
    const { connected, silentMs } = tunnels.state(node)
    return connected && silentMs <= SILENT_MS_MAX
  }

  /** Until the node has answered, let the question pass, or is known to be down. */
  async function askNode(node: string, revision: number, signal: AbortSignal): Promise<string | undefined> {
    const ended = new AbortController()
    try {
      return await Promise.race([barriers.ask(node, revision), untilDown(node, AbortSignal.any([signal, ended.signal]))])
    } finally {
      ended.abort()
    }
  }

  async function untilDown(node: string, signal: AbortSignal): Promise<undefined> {
    for (;;) {
      await clock.sleep(DOWN_CHECK_INTERVAL_MS, signal)
      if (hasLiveTunnel(node)) continue
      const { items } = await registry.list({ user: SYSTEM, signal }, kindOf('/nodes'), { resourceVersion: '0' })
      const found = items.find(({ object }) => object.metadata.name === node)
      if (!found || !isNodeReady(found.object as Node)) return
    }
  }
}

function checkNode(kind: Kind, pod: Pod, user: User): void {
  if (!user.groups.includes(GROUPS.nodes)) return
  const node = user.name.slice(NODE_USER_PREFIX.length)
  if (pod.spec?.nodeName === node) return
  throw forbidden(kind, pod.metadata.name ?? '', `node ${JSON.stringify(node)} can only drain pods with spec.nodeName set to itself`)
}

function selects(service: Service, pod: Pod): boolean {
  const selector = Object.entries(service.spec?.selector ?? {})
  const labels = pod.metadata.labels ?? {}
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value)
}
