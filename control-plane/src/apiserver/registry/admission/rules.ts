import { type Clock, type Kind, type KubernetesObject, qualifiedResource } from '@davit/api'
import type { Storage } from '../../../storage/types.ts'
import type { Pools } from '../allocation/pools.ts'
import type { Resources } from '../resources.ts'
import type { AccessGuard } from '../types.ts'
import { certificateRequests } from './certificate-requests.ts'
import { storedVersions } from './custom-resource-definitions.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultTolerations } from './default-tolerations.ts'
import { initialApiService, initialNamespace, initialPodStatus } from './initial-status.ts'
import { jobSelector } from './job-selector.ts'
import { limitRanges } from './limit-range.ts'
import { createLookups } from './lookups.ts'
import { memoryPressureToleration } from './memory-pressure.ts'
import { nodePodCidr } from './node-pod-cidr.ts'
import { nodeRestriction } from './node-restriction.ts'
import { priority, priorityClasses } from './priority.ts'
import type { QuotaLedger } from './quota/ledger.ts'
import { resourceQuotas } from './quota/resource-quota.ts'
import { rights } from './rights.ts'
import { type Admission, type AdmissionRule, type Extra, noExtra } from './rule.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { serviceAddresses } from './service-addresses.ts'
import { signerRights } from './signer-rights.ts'
import { templateGeneration } from './template-generation.ts'
import { claimResize, defaultStorageClass, storageObjectInUseProtection } from './volumes.ts'

export interface AdmissionOptions {
  storage: Storage
  resources: Resources
  pools: Pools
  clock: Clock
  defaultTolerationSeconds: number
  guard?: AccessGuard
  ledger: QuotaLedger
}

/** Every rule, in the order they run. */
function rules({ storage, resources, pools, clock, defaultTolerationSeconds, guard, ledger }: AdmissionOptions): AdmissionRule[] {
  const lookups = createLookups(storage, resources)
  return [
    nodeRestriction(lookups),
    rights(guard),
    signerRights(guard),
    initialNamespace(),
    limitRanges(lookups),
    serviceAccount(lookups),
    defaultTolerations(defaultTolerationSeconds),
    priority(lookups),
    priorityClasses(lookups),
    runtimeClass(lookups),
    memoryPressureToleration(),
    initialPodStatus(),
    templateGeneration(),
    jobSelector(),
    serviceAddresses(pools),
    nodePodCidr(pools.podCidrs),
    defaultStorageClass(lookups),
    storageObjectInUseProtection(),
    claimResize(lookups),
    certificateRequests(clock),
    initialApiService(clock),
    defaultIngressClass(lookups),
    storedVersions(),
    // The last, for whoever has its turn keeps the others waiting.
    resourceQuotas({ storage, resources, lookups, ledger }),
  ]
}

/** The rules of each kind, put together. */
export class Admissions {
  readonly #rules: readonly AdmissionRule[]
  readonly #byResource = new Map<string, readonly AdmissionRule[]>()

  constructor(options: AdmissionOptions) {
    this.#rules = rules(options)
  }

  async admit(admission: Admission): Promise<void> {
    const { kind, old, isPart } = admission
    for (const rule of this.#of(kind)) if ((!old || rule.onUpdate) && (!isPart || rule.onEveryPart)) await rule.admit?.(admission)
  }

  async judge(admission: Admission): Promise<void> {
    for (const rule of this.#of(admission.kind)) await rule.judge?.(admission)
  }

  async allocate(admission: Admission): Promise<Extra> {
    const extra = noExtra()
    try {
      for (const rule of this.#of(admission.kind)) await rule.allocate?.(admission, extra)
    } catch (error) {
      settle(extra, { committed: false, revisions: new Map() })
      throw error
    }
    return extra
  }

  async release(kind: Kind, object: KubernetesObject, signal?: AbortSignal): Promise<Extra> {
    const extra = noExtra()
    try {
      for (const rule of this.#of(kind)) await rule.release?.(object, extra, signal, kind)
    } catch (error) {
      settle(extra, { committed: false, revisions: new Map() })
      throw error
    }
    return extra
  }

  #of(kind: Kind): readonly AdmissionRule[] {
    const resource = qualifiedResource(kind)
    const known = this.#byResource.get(resource)
    if (known) return known
    const of = this.#rules.filter(({ resources }) => resources.includes(resource) || resources.includes('*'))
    this.#byResource.set(resource, of)
    return of
  }
}

/** Tells every rule how the commit went. */
export function settle(extra: Extra, outcome: Parameters<Extra['settled'][number]>[0]): void {
  for (const settled of extra.settled) settled(outcome)
}
