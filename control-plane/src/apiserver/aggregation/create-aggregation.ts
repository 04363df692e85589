/**
 * Follows APIServices: which versions of which groups other servers serve, whether these can be reached and what they serve. Every
 * replica does it for itself, as in Kubernetes; whoever finds a change first writes it into the status.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type ApiService,
  apiServiceKind,
  type Client,
  type Clock,
  formatTime,
  isReason,
  type Kind,
  type Logger,
  runController,
  startInformer,
  unavailable,
  WorkQueue,
} from '@davit/api'
import type { KeyPair } from '@davit/api/pki'
import type { Dialer, Lookups } from '../dial/index.ts'
import { type Availability, LOCAL, planStatus } from './availability.ts'
import { askOpenApi, type Checked, checkRemote, lookAt } from './check-remote.ts'
import { localServiceKeeper, MANAGED_LABEL } from './local-services.ts'
import { remoteApiOf } from './remote-api.ts'
import { serveRemote, serveRemoteUpgrade } from './serve-remote.ts'
import type { Aggregation, RemoteApi, RemoteVersion } from './types.ts'

/** How soon to look again at what the cache says of a server. */
const LOOK_MS = 1000
/** And to ask the server itself: while it answers, and while it does not. */
const ASK_MS = 30_000
const ASK_AGAIN_MS = 2000
const WORKERS = 8

export interface AggregationOptions {
  readonly client: Client
  readonly lookups: Lookups
  readonly dialer: Dialer
  readonly certificate: () => KeyPair
  /** What this server serves itself, and word of changes. */
  readonly kinds: { readonly builtIn: readonly Kind[]; readonly all: readonly Kind[]; onChange(listener: () => void): () => void }
  /** Kinds that are served and not stored. */
  readonly questions: readonly Kind[]
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface RunningAggregation extends Aggregation {
  /** Settles once the signal has aborted. */
  readonly stopped: Promise<void>
}

interface Known {
  readonly remote: RemoteApi
  /** What was seen last; undefined: nothing yet. */
  availability?: Availability
  /** What the server last said, and whether it still says it. */
  checked?: Checked
  askAt: number
  document?: { readonly hash: string; readonly value: object }
}

/** Goes on until `signal` aborts. */
export function createAggregation(options: AggregationOptions): RunningAggregation {
  const { client, kinds, questions, lookups, clock, log, signal } = options
  const informer = startInformer<ApiService>(client, apiServiceKind, { clock, log, signal })
  const queue = new WorkQueue({ clock })
  const apis = new Map<string, Known>()
  let remotes: readonly RemoteVersion[] = []

  const served = () => ({ builtIn: [...kinds.builtIn, ...questions], custom: kinds.all.filter(kind => !kinds.builtIn.includes(kind)) })
  const keepLocal = localServiceKeeper({ client, informer, served, log, signal })

  informer.onChange(({ type, key, object }) => {
    queue.add(key)
    if (type === 'deleted') {
      apis.delete(key)
      changed()
      if (object.metadata.labels?.[MANAGED_LABEL] === 'true') void keepLocal(false)
    } else note(object)
  })

  /** Requests go where the object says from the moment it is seen. */
  function note(apiService: ApiService): Known | undefined {
    const name = apiService.metadata.name ?? ''
    const remote = remoteApiOf(apiService)
    const known = apis.get(name)
    if (!remote) {
      if (apis.delete(name)) changed()
      return undefined
    }
    if (known && isDeepStrictEqual(known.remote, remote)) return known
    const fresh: Known = { remote, askAt: 0 }
    apis.set(name, fresh)
    changed()
    return fresh
  }

  function changed(): void {
    remotes = [...apis.values()].map(({ remote, availability, checked }) => ({
      group: remote.group,
      version: remote.version,
      groupPriority: remote.groupPriority,
      versionPriority: remote.versionPriority,
      resources: checked?.resources ?? [],
      isFresh: availability?.status === 'True' && checked?.resources !== undefined,
      ...(checked?.openApiHash !== undefined && { openApiHash: checked.openApiHash }),
    }))
  }

  async function reconcile(name: string) {
    const apiService = informer.cache.get(name)
    if (!apiService) return undefined
    const known = note(apiService)
    if (!known) {
      await write(apiService, LOCAL)
      return undefined
    }
    const availability = await availabilityOf(known)
    if (apis.get(name) !== known) return { againAfterMs: 0 }
    await write(apiService, availability)
    return { againAfterMs: LOOK_MS }
  }

  async function availabilityOf(known: Known): Promise<Availability> {
    const missing = await lookAt(known.remote, lookups, signal)
    const before = [known.availability, known.checked]
    if (missing) {
      known.availability = missing
      known.askAt = 0
    } else if (!known.availability || clock.monotonic() >= known.askAt) {
      const checked = await checkRemote(known.remote, options, signal)
      const isAvailable = checked.availability.status === 'True'
      known.availability = checked.availability
      // What it served is shown on, as stale, while it does not answer.
      if (isAvailable) known.checked = checked
      known.askAt = clock.monotonic() + (isAvailable ? ASK_MS : ASK_AGAIN_MS)
    }
    if (before[0] !== known.availability || before[1] !== known.checked) changed()
    return known.availability ?? LOCAL
  }

  async function write(apiService: ApiService, availability: Availability): Promise<void> {
    const status = planStatus(apiService, availability, formatTime(clock.now()))
    if (!status) return
    const { resourceVersion } = apiService.metadata
    try {
      const target = { name: apiService.metadata.name ?? '' }
      // Of the version that was judged: what has changed since is judged again.
      const body = { metadata: { resourceVersion }, status }
      const written = await client.resource(apiServiceKind).patch(target, { type: 'merge', body }, { subresource: 'status', signal })
      await informer.reached(written.metadata.resourceVersion ?? '', signal)
    } catch (err) {
      if (!isReason(err, 'Conflict') && !isReason(err, 'NotFound')) throw err
    }
  }

  async function openApi(group: string, version: string): Promise<object | undefined> {
    const known = apis.get(`${version}.${group}`)
    const hash = known?.checked?.openApiHash
    if (!known || hash === undefined) return undefined
    // While it does not answer, what it said last.
    if (known.document?.hash === hash || known.availability?.status !== 'True') return known.document?.value
    const value = await askOpenApi(known.remote, options, signal)
    if (value) known.document = { hash, value }
    return value
  }

  function availableApi(group: string, version: string): RemoteApi {
    const known = apis.get(`${version}.${group}`)
    if (known?.availability?.status === 'True') return known.remote
    throw unavailable('service unavailable')
  }

  const run = async () => {
    await informer.synced
    const stop = kinds.onChange(() => void keepLocal(false))
    signal.addEventListener('abort', stop, { once: true })
    void keepLocal(true)
    await runController(queue, reconcile, { log, signal, workers: WORKERS })
  }
  return {
    get remotes() {
      return remotes
    },
    isRemote: (group, version) => apis.has(`${version}.${group}`),
    openApi,
    serve: async (group, version, exchange, gone) => serveRemote(availableApi(group, version), options, exchange, gone),
    serveUpgrade: async (group, version, connection) => serveRemoteUpgrade(availableApi(group, version), options, connection),
    stopped: run().catch((err: unknown) => {
      if (!signal.aborted) log.error({ err }, 'APIs of other servers are followed no more')
    }),
  }
}
