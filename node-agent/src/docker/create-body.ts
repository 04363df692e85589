/** Body of `POST /containers/create`: the part of it that the agent sets. */
export interface CreateBody {
  Image: string
  Labels: Record<string, string>
  Env: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  Hostname?: string
  User?: string
  WorkingDir?: string
  Tty: boolean
  OpenStdin: boolean
  StdinOnce: boolean
  /** Instead of the image's. */
  StopSignal?: string
  /** Until API 1.43; from 1.44 on it belongs to the endpoint. */
  MacAddress?: string
  HostConfig: HostConfig
  NetworkingConfig?: { EndpointsConfig: Record<string, { IPAMConfig: { IPv4Address: string }; MacAddress?: string }> }
}

export interface HostConfig {
  NetworkMode: string
  IpcMode?: string
  CgroupnsMode?: 'private' | 'host'
  /** Of the holder of the pod's IPC namespace. */
  ShmSize?: number
  /** Name of one of the runtimes Docker was configured with. */
  Runtime?: string
  PidMode?: string
  Mounts: Mount[]
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[]
  RestartPolicy: { Name: 'no' }
  LogConfig: { Type: 'json-file'; Config: Record<string, string> }
  Ulimits: { Name: string; Soft: number; Hard: number }[]
  CgroupParent: string
  Init: false
  CpuShares?: number
  CpuQuota?: number
  CpuPeriod?: number
  Memory?: number
  MemorySwap?: number
  PidsLimit?: number
  OomScoreAdj: number
  DeviceRequests?: DeviceRequest[]
  Privileged?: boolean
  ReadonlyRootfs?: boolean
  CapAdd?: string[]
  CapDrop?: string[]
  GroupAdd?: string[]
  SecurityOpt?: string[]
  Sysctls?: Record<string, string>
  DnsOptions?: string[]
  MaskedPaths?: string[]
  ReadonlyPaths?: string[]
}

/** What of the limits can be changed while a container runs. */
export type LimitsUpdate = Pick<HostConfig, 'CpuShares' | 'CpuQuota' | 'CpuPeriod' | 'Memory' | 'MemorySwap'>

/** Devices asked of a driver that Docker knows, such as `nvidia`, or of CDI (Docker 25 and newer). */
export interface DeviceRequest {
  Driver: string
  DeviceIDs: string[]
  Capabilities: string[][]
}

export interface BindMount {
  Type: 'bind'
  Source: string
  Target: string
  ReadOnly: boolean
  BindOptions?: {
    /** Left out: Docker chooses what suits the source. */
    Propagation?: 'rslave' | 'rshared'
    /** From API 1.44 on. */
    ReadOnlyNonRecursive?: true
    ReadOnlyForceRecursive?: true
  }
}

/** A named volume of Docker. */
export interface NamedMount {
  Type: 'volume'
  Source: string
  Target: string
  ReadOnly: boolean
  /** `Subpath` from API 1.45 on. */
  VolumeOptions: { NoCopy: true; Subpath?: string }
}

export type Mount = BindMount | NamedMount
