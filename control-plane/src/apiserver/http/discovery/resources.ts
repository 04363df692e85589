/** What can be done with each kind, in one form from which plain and aggregated discovery are written. */
import type { Kind, Subresource } from '@davit/api'
import { localPriority, type RemoteVersion } from '../../aggregation/index.ts'

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

export interface SubresourceEntry {
  readonly name: string
  readonly verbs: readonly string[]
  /** What the client sends and gets; undefined: the kind itself. */
  readonly kind: GroupVersionKind
}

export interface ResourceEntry {
  readonly kind: Kind
  readonly verbs: readonly string[]
  readonly subresources: readonly SubresourceEntry[]
}

export interface GroupVersion {
  readonly group: string
  readonly version: string
  readonly resources: readonly ResourceEntry[]
}

const OBJECT_VERBS = ['get', 'patch', 'update'] as const
const STREAM_VERBS = ['create', 'get'] as const

const SUBRESOURCES: Readonly<Record<Subresource, { verbs: readonly string[]; kind?: GroupVersionKind }>> = {
  status: { verbs: OBJECT_VERBS },
  scale: { verbs: OBJECT_VERBS, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } },
  ephemeralcontainers: { verbs: OBJECT_VERBS },
  resize: { verbs: OBJECT_VERBS },
  approval: { verbs: OBJECT_VERBS },
  finalize: { verbs: ['update'] },
  binding: { verbs: ['create'], kind: { group: '', version: 'v1', kind: 'Binding' } },
  eviction: { verbs: ['create'], kind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
  token: { verbs: ['create'], kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } },
  log: { verbs: ['get'] },
  exec: { verbs: STREAM_VERBS, kind: { group: '', version: 'v1', kind: 'PodExecOptions' } },
  attach: { verbs: STREAM_VERBS, kind: { group: '', version: 'v1', kind: 'PodAttachOptions' } },
  portforward: { verbs: STREAM_VERBS, kind: { group: '', version: 'v1', kind: 'PodPortForwardOptions' } },
  proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'] },
}

/** What a client sends to a resource or subresource of `kind`. */
export function kindSpoken(kind: Kind, subresource: string | undefined): GroupVersionKind {
  const known = subresource !== undefined && Object.hasOwn(SUBRESOURCES, subresource) ? SUBRESOURCES[subresource as Subresource] : undefined
  return subresource === 'proxy' ? proxyOptions(kind) : (known?.kind ?? kind)
}

function groupVersionKind({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, version, kind }
}

/** `PodProxyOptions`, `ServiceProxyOptions`, `NodeProxyOptions`. */
function proxyOptions(kind: Kind): GroupVersionKind {
  return { group: '', version: 'v1', kind: `${kind.kind}ProxyOptions` }
}

/** A group and version of this server's, or of another's. */
export type ShownVersion = GroupVersion | RemoteVersion

export function isRemote(shown: ShownVersion): shown is RemoteVersion {
  return 'isFresh' in shown
}

/** All together: others' groups stand where their priority puts them, others' versions take the place of our own of that name. */
export function withRemotes(own: readonly GroupVersion[], remotes: readonly RemoteVersion[]): readonly ShownVersion[] {
  if (remotes.length === 0) return own
  const isTaken = ({ group, version }: GroupVersion) => remotes.some(remote => remote.group === group && remote.version === version)
  const all: ShownVersion[] = [...own.filter(entry => !isTaken(entry)), ...remotes]
  const priorityOf = (group: string) =>
    Math.max(...all.filter(each => each.group === group).map(each => (isRemote(each) ? each.groupPriority : localPriority(group))))
  const priorities = new Map([...new Set(all.map(({ group }) => group))].map(group => [group, priorityOf(group)]))
  const groups = [...new Set(own.map(({ group }) => group))]
  const others = [...priorities.keys()]
    .filter(group => !groups.includes(group))
    .sort((a, b) => priorities.get(b)! - priorities.get(a)! || (a < b ? -1 : 1))
  for (const group of others) {
    const before = groups.findIndex((each, at) => at > 0 && priorities.get(each)! < priorities.get(group)!)
    groups.splice(before < 0 ? groups.length : before, 0, group)
  }
  const versionPriority = (each: ShownVersion) => (isRemote(each) ? each.versionPriority : 0)
  const better = (a: ShownVersion, b: ShownVersion) => (isRemote(a) && isRemote(b) ? versionPriority(b) - versionPriority(a) : 0)
  return all.sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group) || better(a, b) || compareVersions(a.version, b.version))
}

/** Every served group and version: the core group first, of a group the version that is preferred; resources in the registry's order. */
export function groupVersions(kinds: readonly Kind[]): GroupVersion[] {
  const found = new Map<string, { group: string; version: string; resources: ResourceEntry[] }>()
  for (const kind of kinds) {
    const key = `${kind.group}/${kind.version}`
    const entry = found.get(key) ?? { group: kind.group, version: kind.version, resources: [] }
    found.set(key, entry)
    entry.resources.push(resourceOf(kind))
  }
  const groups = [...new Set([...found.values()].map(({ group }) => group))]
  const place = ({ group }: GroupVersion) => (group === '' ? -1 : groups.indexOf(group))
  return [...found.values()].sort((a, b) => place(a) - place(b) || compareVersions(a.version, b.version))
}

const STAGES = ['alpha', 'beta', undefined]

/** The better version first, as Kubernetes ranks them: v2, v1, v1beta2, v1beta1, v1alpha1. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [rankOf(a), rankOf(b)]
  const better = second.findIndex((rank, index) => rank !== first[index])
  return better < 0 ? Number(a > b) - Number(a < b) : second[better]! - first[better]!
}

function rankOf(version: string): readonly [stage: number, major: number, minor: number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  // A version of another form comes after all others.
  if (!match) return [-1, 0, 0]
  const [, major, stage, minor = '0'] = match
  return [STAGES.indexOf(stage), Number(major), Number(minor)]
}

function resourceOf(kind: Kind): ResourceEntry {
  const subresources = [...kind.subresources]
    .sort()
    .map(name => ({ name, verbs: SUBRESOURCES[name].verbs, kind: groupVersionKind(kindSpoken(kind, name)) }))
  // A namespace's contents go one by one, so that each is deleted by its own rules; there is no deleting of all namespaces.
  const verbs = kind.kind === 'Namespace' && kind.group === '' ? kind.verbs.filter(verb => verb !== 'deletecollection') : kind.verbs
  return { kind, verbs, subresources }
}
