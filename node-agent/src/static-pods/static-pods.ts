/** Runs through the files of a directory whenever they change, and keeps the API's mirrors of the pods in them. */
import { type Client, type Clock, deadlineSignal, type Informer, isReason, type Logger, type Node, type Pod, podKind } from '@davit/api'
import type { StaticPods } from '../pods/index.ts'
import { watchDirectory } from '../watch-directory.ts'
import { planMirrors } from './plan.ts'
import { readManifests } from './read.ts'

export interface StaticPodsOptions {
  /** Undefined: there are no static pods, and no mirrors are left. */
  dir: string | undefined
  nodeName: string
  client: Client
  /** Pods of this node. */
  pods: Informer<Pod>
  node: () => Node | undefined
  /** True once the API was seen to be of this node's cluster. */
  isOwnCluster: () => boolean
  /** Tells what is wrong with a file. */
  warn: (reason: string, message: string) => void
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface RunningStaticPods extends StaticPods {
  readonly stopped: Promise<void>
}

/** Files are looked at again after this time, whatever the kernel told. */
const RELIST_MS = 20_000
/** Editors write in several steps. */
const SETTLE_MS = 100
const MIRROR_MS = { retry: 2_000, idle: 30_000, call: 10_000 }

/** Resolves once the files were read for the first time. */
export async function startStaticPods(options: StaticPodsOptions): Promise<RunningStaticPods> {
  const { dir, nodeName, pods, clock, log, signal } = options
  let known: ReadonlyMap<string, Pod> = new Map()
  let told = new Map<string, string>()
  const handlers = new Set<(uid: string) => void>()
  let wakeMirrors = new AbortController()

  const read = async () => {
    const found = dir === undefined ? { pods: [], errors: new Map<string, string>() } : await readManifests(dir, nodeName)
    for (const [path, why] of found.errors) {
      if (told.get(path) === why) continue
      log.error({ path, why }, 'A file of static pods cannot be used')
      options.warn('FailedToReadStaticPod', `${path}: ${why}`)
    }
    told = new Map(found.errors)
    const before = known
    known = new Map(found.pods.map(pod => [pod.metadata.uid ?? '', pod]))
    const changed = [...new Set([...before.keys(), ...known.keys()])].filter(uid => before.has(uid) !== known.has(uid))
    if (changed.length > 0) log.info({ pods: [...known.values()].map(({ metadata }) => metadata.name) }, 'Static pods have changed')
    for (const uid of changed) for (const handler of handlers) handler(uid)
    if (changed.length > 0) wakeMirrors.abort()
  }

  const readForEver = async (path: string) => {
    while (!signal.aborted) {
      const wake = new AbortController()
      // Begun before the files are read, so that no change falls between.
      const stop = watchDirectory(path, () => wake.abort())
      await read().catch((err: unknown) => log.warn({ err }, 'Cannot read the static pods'))
      await clock.sleep(RELIST_MS, AbortSignal.any([signal, wake.signal])).catch(() => clock.sleep(SETTLE_MS, signal).catch(() => {}))
      stop()
    }
  }

  const mirror = async () => {
    if (!pods.hasSynced || !options.isOwnCluster()) return
    for (const action of planMirrors([...known.values()], [...pods.cache.list()], options.node())) {
      const resource = options.client.resource(podKind)
      const { name = '', namespace = '', uid } = action.pod.metadata
      const deadline = deadlineSignal(MIRROR_MS.call, signal)
      if (action.kind === 'create') {
        await resource.create(action.pod, { signal: deadline }).catch(unless('AlreadyExists'))
      } else {
        const preconditions = uid === undefined ? {} : { preconditions: { uid } }
        await resource
          .delete({ name, namespace }, { gracePeriodSeconds: 0, ...preconditions, signal: deadline })
          .catch(unless('NotFound', 'Conflict'))
      }
    }
  }

  const mirrorForEver = async () => {
    let failed = false
    while (!signal.aborted) {
      wakeMirrors = new AbortController()
      let delayMs = MIRROR_MS.idle
      try {
        await mirror()
        failed = false
        // Mirrors belong to the Node, and wait for it.
        if (known.size > 0 && !options.node()) delayMs = MIRROR_MS.retry
      } catch (err) {
        if (signal.aborted) return
        if (!failed) log.warn({ err }, 'Cannot mirror the static pods in the API')
        failed = true
        delayMs = MIRROR_MS.retry
      }
      await clock.sleep(delayMs, AbortSignal.any([signal, wakeMirrors.signal])).catch(() => {})
    }
  }

  await read()
  pods.onChange(({ object }) => {
    if (isMirrored(object, known)) wakeMirrors.abort()
  })
  pods.synced.then(
    () => wakeMirrors.abort(),
    () => {},
  )
  return {
    get: uid => known.get(uid),
    list: () => [...known.values()],
    onChange: handler => void handlers.add(handler),
    stopped: Promise.all([dir === undefined ? undefined : readForEver(dir), mirrorForEver()]).then(() => {}),
  }
}

function isMirrored({ metadata }: Pod, known: ReadonlyMap<string, Pod>): boolean {
  return [...known.values()].some(({ metadata: own }) => own.name === metadata.name && own.namespace === metadata.namespace)
}

const unless =
  (...reasons: Parameters<typeof isReason>[1][]) =>
  (err: unknown) => {
    if (!reasons.some(reason => isReason(err, reason))) throw err
  }
