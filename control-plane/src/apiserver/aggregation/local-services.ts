/** APIServices for what this server serves itself, so that every version of every group has one. */
import { type ApiService, apiServiceKind, type Client, type Informer, isReason, type Kind, type Logger } from '@davit/api'
import { OWN_GROUP } from './remote-api.ts'

export const MANAGED_LABEL = 'kube-aggregator.kubernetes.io/automanaged'

/** Of a group, and of its versions where that is not 15. */
const PRIORITIES: Readonly<Record<string, readonly [group: number, versions?: Readonly<Record<string, number>>]>> = {
  '': [18_000, { v1: 1 }],
  apps: [17_800],
  'events.k8s.io': [17_750],
  'authentication.k8s.io': [17_700],
  'authorization.k8s.io': [17_600],
  autoscaling: [17_500, { v2: 30 }],
  batch: [17_400],
  'certificates.k8s.io': [17_300],
  'networking.k8s.io': [17_200],
  policy: [17_100],
  'rbac.authorization.k8s.io': [17_000],
  'storage.k8s.io': [16_800],
  'apiextensions.k8s.io': [16_700],
  'admissionregistration.k8s.io': [16_700],
  'scheduling.k8s.io': [16_600],
  'coordination.k8s.io': [16_500],
  'node.k8s.io': [16_300],
  'discovery.k8s.io': [16_200],
  'flowcontrol.apiserver.k8s.io': [16_100, { v1: 21 }],
}
const VERSION_PRIORITY = 15
/** Of groups that users define. */
const CUSTOM = { group: 1000, version: 100 }

export function localPriority(group: string): number {
  return PRIORITIES[group]?.[0] ?? CUSTOM.group
}

export interface Served {
  /** Always there: made at the start; who changes or deletes one keeps it so until the next start. */
  readonly builtIn: readonly Kind[]
  /** That users define: kept as long as they are served. */
  readonly custom: readonly Kind[]
}

export type Action =
  | { readonly kind: 'create'; readonly apiService: ApiService }
  | { readonly kind: 'update'; readonly apiService: ApiService }
  | { readonly kind: 'delete'; readonly apiService: ApiService }

/** Pure. APIServices without our label are others' and stay. */
export function planLocalServices({ builtIn, custom }: Served, present: readonly ApiService[], isStart: boolean): Action[] {
  const wanted = new Map([...custom.map(kind => localService(kind, 'true')), ...builtIn.map(kind => localService(kind, 'onstart'))])
  wanted.delete(`v1.${OWN_GROUP}`)
  const found = new Map(present.map(each => [each.metadata.name ?? '', each]))
  const actions: Action[] = []
  for (const [name, apiService] of wanted) {
    const isKept = apiService.metadata.labels?.[MANAGED_LABEL] === 'true'
    const there = found.get(name)
    if (!there) {
      if (isKept || isStart) actions.push({ kind: 'create', apiService })
    } else if (isKept && isManaged(there) && there.spec?.service !== undefined) {
      actions.push({ kind: 'update', apiService: { ...there, spec: apiService.spec ?? {} } })
    }
  }
  for (const apiService of present)
    if (isManaged(apiService) && !wanted.has(apiService.metadata.name ?? '')) actions.push({ kind: 'delete', apiService })
  return actions
}

function isManaged({ metadata }: ApiService): boolean {
  return metadata.labels?.[MANAGED_LABEL] === 'true'
}

function localService({ group, version }: Kind, managed: 'true' | 'onstart'): [string, ApiService] {
  const name = `${version}.${group}`
  const [groupPriority, versions = {}] = PRIORITIES[group] ?? [CUSTOM.group]
  const versionPriority = versions[version] ?? (managed === 'true' ? CUSTOM.version : VERSION_PRIORITY)
  const spec = { ...(group && { group }), version, groupPriorityMinimum: groupPriority, versionPriority }
  return [
    name,
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name, labels: { [MANAGED_LABEL]: managed } },
      spec,
    },
  ]
}

export interface LocalServicesOptions {
  readonly client: Client
  readonly informer: Informer<ApiService>
  readonly served: () => Served
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Gives the function that brings them to what is served, once at a time; what fails is tried again with the next change. */
export function localServiceKeeper({ client, informer, served, log, signal }: LocalServicesOptions): (isStart: boolean) => Promise<void> {
  const apiServices = client.resource(apiServiceKind)
  let last: Promise<void> = Promise.resolve()
  const perform = async ({ kind, apiService }: Action) => {
    if (kind === 'create') await apiServices.create(apiService, { signal })
    else if (kind === 'update') await apiServices.update(apiService, { signal })
    else await apiServices.delete({ name: apiService.metadata.name ?? '' }, { signal })
  }
  const keep = async (isStart: boolean) => {
    for (const action of planLocalServices(served(), [...informer.cache.list()], isStart)) {
      await perform(action).catch((err: unknown) => {
        // Another replica was first.
        const isDone = isReason(err, 'AlreadyExists') || isReason(err, 'NotFound') || isReason(err, 'Conflict')
        if (!isDone && !signal.aborted) log.warn({ err, key: action.apiService.metadata.name }, 'Cannot register an API of our own')
      })
    }
  }
  return isStart => {
    last = last.then(() => keep(isStart))
    return last
  }
}
