/** What the agent reads of Docker's answers, validated; everything else is ignored. */
import { DOCKER_LABELS } from '@davit/api'
import { z } from 'zod'

/** Container name of a pod's sandbox in labels and names, as Kubernetes has called it on Docker. */
export const SANDBOX = 'POD'

/** One container of ours as Docker last showed it. Times in milliseconds since the epoch, undefined when it has not happened. */
export interface ContainerInfo {
  readonly id: string
  readonly name: string
  readonly podUid: string
  readonly podNamespace: string
  readonly podName: string
  /** `SANDBOX`, or the name in the pod's spec. */
  readonly container: string
  readonly attempt: number
  readonly hash: string
  /** As written in the pod's spec. */
  readonly image: string
  readonly imageId: string
  readonly state: 'created' | 'running' | 'exited'
  readonly pid: number
  readonly exitCode: number
  /** Docker's own error when it could not start. */
  readonly error: string
  readonly oomKilled: boolean
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly finishedAt: number | undefined
  /** `container:<id>`, `host`, or the name of a network. */
  readonly networkMode: string
  readonly address: string
  readonly macAddress: string
  readonly tty: boolean
  readonly openStdin: boolean
  readonly stopSignal: string
  /** CPU shares, CPU quota and bytes of memory it was made with; undefined when nothing says so. */
  readonly limits: string | undefined
}

const endpoint = z.object({
  IPAddress: z.string().optional(),
  MacAddress: z.string().optional(),
  IPAMConfig: z.object({ IPv4Address: z.string().optional() }).nullish(),
})

const inspectSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  Image: z.string(),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    Pid: z.number(),
    ExitCode: z.number(),
    Error: z.string().default(''),
    OOMKilled: z.boolean().default(false),
    StartedAt: z.string().default(''),
    FinishedAt: z.string().default(''),
  }),
  Config: z.object({
    Image: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
    Tty: z.boolean().default(false),
    OpenStdin: z.boolean().default(false),
    StopSignal: z.string().optional(),
  }),
  HostConfig: z.object({
    NetworkMode: z.string().default(''),
    CpuShares: z.number().default(0),
    CpuQuota: z.number().default(0),
    Memory: z.number().default(0),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpoint).nullish() }).nullish(),
})

/** Reads an answer of `GET /containers/<id>/json`; throws when it is not of the promised shape. */
export function readContainer(raw: unknown): ContainerInfo {
  const inspected = inspectSchema.parse(raw)
  const { State: state, Config: config } = inspected
  const { HostConfig: host } = inspected
  const labels = config.Labels ?? {}
  const attached = Object.values(inspected.NetworkSettings?.Networks ?? {})[0]
  return {
    id: inspected.Id,
    name: inspected.Name.replace(/^\//, ''),
    podUid: labels[DOCKER_LABELS.podUid] ?? '',
    podNamespace: labels[DOCKER_LABELS.podNamespace] ?? '',
    podName: labels[DOCKER_LABELS.podName] ?? '',
    container: labels[DOCKER_LABELS.container] ?? '',
    attempt: Number(labels[DOCKER_LABELS.attempt] ?? 0),
    hash: labels[DOCKER_LABELS.hash] ?? '',
    image: config.Image,
    imageId: inspected.Image,
    // A start that failed leaves "created" with an exit code and an error: it has ended for us.
    state: state.Running ? 'running' : state.Status === 'created' && state.Error === '' ? 'created' : 'exited',
    pid: state.Pid,
    exitCode: state.ExitCode,
    error: state.Error,
    oomKilled: state.OOMKilled,
    createdAt: Date.parse(inspected.Created),
    startedAt: readTime(state.StartedAt),
    finishedAt: state.Running ? undefined : readTime(state.FinishedAt),
    networkMode: inspected.HostConfig.NetworkMode,
    address: attached?.IPAddress || attached?.IPAMConfig?.IPv4Address || '',
    macAddress: attached?.MacAddress ?? '',
    tty: config.Tty,
    openStdin: config.OpenStdin,
    stopSignal: config.StopSignal ?? 'SIGTERM',
    // A daemon whose kernel cannot limit something says 0 for it, whatever was asked.
    limits: labels[DOCKER_LABELS.limits] ?? [host.CpuShares, host.CpuQuota, host.Memory].join(','),
  }
}

/** Docker writes "0001-01-01T00:00:00Z" for never. */
function readTime(text: string): number | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms
}

const imageSchema = z.object({
  Id: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  RepoDigests: z.array(z.string()).nullish(),
  Size: z.number().optional(),
  Os: z.string().optional(),
  Architecture: z.string().optional(),
  // Of a list; an inspection has them in its Config.
  Labels: z.record(z.string(), z.string()).nullish(),
  Config: z
    .object({
      User: z.string().optional(),
      Env: z.array(z.string()).nullish(),
      StopSignal: z.string().optional(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
})

export interface ImageInfo {
  readonly id: string
  /** Empty for an image that was loaded or built here and never pulled. */
  readonly digests: readonly string[]
  readonly tags: readonly string[]
  readonly sizeBytes: number
  readonly user: string
  readonly env: readonly string[]
  /** As Go names it: `arm64`. Empty in a list, and of an image that does not say. */
  readonly architecture: string
  /** Such as `linux`; empty like `architecture`. */
  readonly os: string
  readonly labels: Readonly<Record<string, string>>
}

export function readImage(raw: unknown): ImageInfo {
  const image = imageSchema.parse(raw)
  return {
    id: image.Id,
    digests: image.RepoDigests ?? [],
    tags: image.RepoTags ?? [],
    sizeBytes: image.Size ?? 0,
    user: image.Config?.User ?? '',
    env: image.Config?.Env ?? [],
    architecture: image.Architecture ?? '',
    os: image.Os ?? '',
    labels: image.Config?.Labels ?? image.Labels ?? {},
  }
}

const infoSchema = z.object({
  ID: z.string(),
  NCPU: z.number(),
  MemTotal: z.number(),
  ServerVersion: z.string(),
  KernelVersion: z.string(),
  OperatingSystem: z.string(),
  OSType: z.string().default('linux'),
  Architecture: z.string(),
  CgroupDriver: z.string().default('cgroupfs'),
  CgroupVersion: z.string().default('1'),
  SecurityOptions: z.array(z.string()).nullish(),
  DockerRootDir: z.string(),
  LiveRestoreEnabled: z.boolean().default(false),
})

export interface EngineInfo {
  readonly id: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly version: string
  readonly kernelVersion: string
  readonly osImage: string
  readonly operatingSystem: string
  /** As Go names it: `amd64`, `arm64`. */
  readonly architecture: string
  readonly cgroupDriver: string
  /** `1` or `2`. */
  readonly cgroupVersion: string
  /** AppArmor is there and Docker uses it. */
  readonly hasAppArmor: boolean
  readonly rootDir: string
  readonly liveRestore: boolean
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm', i686: '386' }

export function readInfo(raw: unknown): EngineInfo {
  const info = infoSchema.parse(raw)
  return {
    id: info.ID,
    cpus: info.NCPU,
    memoryBytes: info.MemTotal,
    version: info.ServerVersion,
    kernelVersion: info.KernelVersion,
    osImage: info.OperatingSystem,
    operatingSystem: info.OSType,
    architecture: ARCHITECTURES[info.Architecture] ?? info.Architecture,
    cgroupDriver: info.CgroupDriver,
    cgroupVersion: info.CgroupVersion,
    hasAppArmor: info.SecurityOptions?.some(option => /^name=apparmor\b/.test(option)) ?? false,
    rootDir: info.DockerRootDir,
    liveRestore: info.LiveRestoreEnabled,
  }
}

const summarySchema = z.array(z.object({ Id: z.string(), State: z.string() }))

/** Ids and states of `GET /containers/json`. */
export function readSummaries(raw: unknown): { id: string; running: boolean }[] {
  return summarySchema.parse(raw).map(({ Id, State }) => ({ id: Id, running: State === 'running' || State === 'paused' }))
}

const eventSchema = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).optional() }),
})

export interface DockerEvent {
  readonly action: string
  readonly containerId: string
  readonly podUid: string
}

export function readEvent(raw: unknown): DockerEvent {
  const event = eventSchema.parse(raw)
  return { action: event.Action, containerId: event.Actor.ID, podUid: event.Actor.Attributes?.[DOCKER_LABELS.podUid] ?? '' }
}

/** What Docker says while it pulls: of one layer when `id` is set. */
export interface PullLine {
  readonly id?: string | undefined
  readonly status?: string | undefined
  /** Bytes. */
  readonly progressDetail?: { current?: number | undefined; total?: number | undefined } | undefined
}

/** `name` is the image's name or id, as the action has it. */
export interface ImageEvent {
  readonly action: string
  readonly name: string
}

export function readImageEvent(raw: unknown): ImageEvent {
  const { Action, Actor } = eventSchema.parse(raw)
  return { action: Action, name: Actor.Attributes?.name ?? Actor.ID }
}
