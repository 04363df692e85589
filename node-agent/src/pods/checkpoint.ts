/**
 * What the agent must remember of a pod and Docker cannot tell: the pod as last admitted, how its containers ended, how far its
 * deletion is. One file a pod, replaced atomically; what it says has happened stays so even if the containers are pruned.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger, Pod, PodStatus, ResourceRequirements } from '@davit/api'

/** How an attempt of a container ended. Times in milliseconds since the epoch. */
export interface Ended {
  exitCode: number
  signal?: number
  reason: string
  message?: string
  startedAt?: number
  finishedAt: number
  containerId: string
}

/** What became of one container of the pod's spec. */
export interface ContainerRecord {
  /** The newest attempt, counted from 0; Kubernetes shows it as restartCount. */
  attempt: number
  containerId: string
  /** Sandbox attempt during which it ran: an init container is done only for the sandbox it ran in. */
  sandbox: number
  imageId: string
  /** Restarts in a row without ten minutes of running between them. */
  crashes: number
  /** Limits it was last changed to while it ran, as `limitsLabel` words them. */
  updated?: string
  /** It is stopped to be started again with other limits, whatever the restart policy says. */
  rerun?: true
  /** How the newest attempt ended; undefined while it has not. */
  ended?: Ended
  /** How the attempt before it ended. */
  last?: Ended
}

/** Resources by container, as the node has granted them. */
export type Allocated = Readonly<Record<string, ResourceRequirements>>

/** Why a change of the spec's resources is not granted. */
export interface PendingResize {
  reason: 'Deferred' | 'Infeasible'
  message: string
}

/** Ids given to a pod's containers, by container and resource name. */
export type GivenDevices = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** How a pod has ended for good, or is about to. */
export interface Final {
  phase: 'Succeeded' | 'Failed'
  reason?: string
  message?: string
  /** Its node ended it, not the pod itself: seconds its containers get at most, and whether that is told as a DisruptionTarget. */
  graceSeconds?: number
  isDisruption?: boolean
  /** This node refused it before anything of it began. */
  isRefused?: true
}

export interface Checkpoint {
  format: 1
  /** Without status, managed fields and resourceVersion. */
  pod: Pod
  records: Record<string, ContainerRecord>
  /** The newest sandbox made, counted from 0; -1 before the first. */
  sandboxAttempt: number
  address?: string
  /** When the agent took the pod over, milliseconds since the epoch. */
  startedAt: number
  /** Since when it is being stopped, wall clock, and how far that is. */
  deletion?: { since: number; drained?: boolean; preStopped?: string[] }
  /** What this node has granted its containers; undefined before it was looked at. */
  allocated?: Allocated
  /** Why the spec asks for something else. */
  pendingResize?: PendingResize
  /** Docker's runtime that its RuntimeClass named. */
  dockerRuntime?: string
  /** Devices given to its containers. */
  devices?: GivenDevices
  /** Set once the pod has ended for good for a reason that its containers do not show. */
  final?: Final
  /** As last computed here. */
  status?: PodStatus
}

const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT'])

/** The pod as a checkpoint keeps it. */
export function admitted(pod: Pod): Pod {
  const { managedFields: _, resourceVersion: __, ...metadata } = pod.metadata
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod.spec }
}

/** Files under `<dataDir>/pods/<uid>/`. */
export class CheckpointStore {
  readonly #dataDir: string
  readonly #written = new Map<string, string>()
  readonly #saving = new Map<string, Promise<void>>()

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** Everything that belongs to the pod on disk lies below. */
  podDir(uid: string): string {
    if (!/^[\w-]+$/.test(uid)) throw new Error(`Cannot use "${uid}" as a pod's uid`)
    return join(this.#dataDir, 'pods', uid)
  }

  /** All checkpoints found. What cannot be read is logged and left out: the API and Docker's labels fill in. */
  async load(log: Logger): Promise<Checkpoint[]> {
    await mkdir(join(this.#dataDir, 'pods'), { recursive: true, mode: 0o700 })
    const uids = await readdir(join(this.#dataDir, 'pods'))
    const loaded: Checkpoint[] = []
    for (const uid of uids) {
      try {
        const text = await readFile(join(this.podDir(uid), 'pod.json'), 'utf8')
        const checkpoint = JSON.parse(text) as Checkpoint
        if (checkpoint.format !== 1) throw new Error(`Cannot read checkpoint of format ${checkpoint.format}, wanted 1`)
        this.#written.set(uid, text)
        loaded.push(checkpoint)
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'ENOENT') log.warn({ uid, err }, 'Cannot read checkpoint')
      }
    }
    return loaded
  }

  /** Uids that have a directory here. */
  async uids(): Promise<string[]> {
    return readdir(join(this.#dataDir, 'pods'))
  }

  /** Writes when something differs from what was written last; on the disk before it resolves. Writes of one pod follow each other. */
  save(checkpoint: Checkpoint): Promise<void> {
    const uid = checkpoint.pod.metadata.uid ?? ''
    const before = this.#saving.get(uid) ?? Promise.resolve()
    const saved = before.catch(() => {}).then(() => this.#write(uid, checkpoint))
    this.#saving.set(uid, saved)
    const forget = () => {
      if (this.#saving.get(uid) === saved) this.#saving.delete(uid)
    }
    saved.then(forget, forget)
    return saved
  }

  /** As `save`, but false where the disk has no room for it: what was written before stays. */
  async saveIfRoom(checkpoint: Checkpoint): Promise<boolean> {
    try {
      await this.save(checkpoint)
      return true
    } catch (err) {
      if (!NO_ROOM.has((err as NodeJS.ErrnoException).code ?? '')) throw err
      return false
    }
  }

  async #write(uid: string, checkpoint: Checkpoint): Promise<void> {
    const text = JSON.stringify(checkpoint)
    if (this.#written.get(uid) === text) return
    const dir = this.podDir(uid)
    if (!this.#written.has(uid)) await mkdir(dir, { recursive: true, mode: 0o700 })
    const temporary = join(dir, '.pod.json.new')
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, join(dir, 'pod.json'))
    this.#written.set(uid, text)
  }

  /** Forgets the pod. Its volumes must be unmounted before. */
  async remove(uid: string): Promise<void> {
    await this.#saving.get(uid)?.catch(() => {})
    this.#written.delete(uid)
    await rm(this.podDir(uid), { recursive: true, force: true })
  }
}
