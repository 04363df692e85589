import { type Clock, type Kind, type KubernetesObject, type Logger, qualifiedResource } from '@davit/api'
import type { Storage } from '../../../storage/types.ts'
import { MutatingPolicies, Policies } from '../../policies/index.ts'
import { type Changeable, type Reviewed, Webhooks, type WebhookTransport } from '../../webhooks/index.ts'
import type { Pools } from '../allocation/pools.ts'
import type { Resources } from '../resources.ts'
import type { AccessGuard, DeletionRequest, RequestContext } from '../types.ts'
import { certificateRequests } from './certificate-requests.ts'
import { storedVersions } from './custom-resource-definitions.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultTolerations } from './default-tolerations.ts'
import { initialApiService, initialNamespace, initialPodStatus } from './initial-status.ts'
import { jobSelector } from './job-selector.ts'
import { limitRanges } from './limit-range.ts'
import { createLookups, type Lookups } from './lookups.ts'
import { memoryPressureToleration } from './memory-pressure.ts'
import { nodePodCidr } from './node-pod-cidr.ts'
import { nodeRestriction } from './node-restriction.ts'
import { paramRights } from './param-rights.ts'
import { podCertificateRequests } from './pod-certificate-requests.ts'
import { priority, priorityClasses } from './priority.ts'
import type { QuotaLedger } from './quota/ledger.ts'
import { resourceQuotas } from './quota/resource-quota.ts'
import { reviewedCall, reviewedDeletion, reviewedWrite, type SubresourceCall } from './reviewed.ts'
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
  /** How webhooks are reached; without it, and while it gives nothing, none are asked. */
  webhooks?: () => WebhookTransport | undefined
  log: Logger
}

/** Every rule, in the order they run. */
function rules(options: AdmissionOptions, lookups: Lookups): AdmissionRule[] {
  const { storage, resources, pools, clock, defaultTolerationSeconds, guard, ledger } = options
  return [
    nodeRestriction(lookups),
    rights(guard),
    signerRights(guard),
    paramRights({ guard, resources, lookups }),
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
    podCertificateRequests(clock),
    initialApiService(clock),
    defaultIngressClass(lookups),
    storedVersions(),
    // The last, for whoever has its turn keeps the others waiting.
    resourceQuotas({ storage, resources, lookups, ledger }),
  ]
}

/** The rules of each kind, put together. */
export class Admissions {
  readonly #ofAll: readonly AdmissionRule[]
  /** Of resources that some rule names; for all others are those of `*`. */
  readonly #byResource: ReadonlyMap<string, readonly AdmissionRule[]>
  readonly #resources: Resources
  readonly #webhooks: Webhooks
  readonly #policies: Policies
  readonly #mutations: MutatingPolicies

  constructor(options: AdmissionOptions) {
    const { storage, resources, webhooks, log } = options
    const lookups = createLookups(storage, resources)
    const all = rules(options, lookups)
    const of = (...names: string[]) => all.filter(({ resources }) => resources.some(name => names.includes(name)))
    this.#ofAll = of('*')
    this.#byResource = new Map(all.flatMap(rule => rule.resources).map(name => [name, of(name, '*')]))
    this.#resources = resources
    const transport = () => webhooks?.()
    this.#webhooks = new Webhooks({ lookups, transport, log })
    const judging = { lookups, transport, kinds: () => resources.kinds }
    this.#policies = new Policies(judging)
    this.#mutations = new MutatingPolicies(judging)
  }

  /** The cluster's own rules, then policies, then webhooks; what these change the rules see once more. */
  async admit(admission: Admission): Promise<void> {
    await this.#admit(admission)
    const review = () => reviewedWrite(this.#resources, admission)
    await this.#mutate(admission.kind, review, () => this.#admit(admission))
  }

  async #admit(admission: Admission): Promise<void> {
    const { kind, old, isPart } = admission
    for (const rule of this.#of(kind)) if ((!old || rule.onUpdate) && (!isPart || rule.onEveryPart)) await rule.admit?.(admission)
  }

  async judge(admission: Admission): Promise<void> {
    for (const rule of this.#of(admission.kind)) await rule.judge?.(admission)
    await this.#validate(admission.kind, () => reviewedWrite(this.#resources, admission))
  }

  /** Throws what a policy or a webhook refuses the deletion of `old` with. */
  async judgeDeletion(deletion: { kind: Kind; context: RequestContext; old: KubernetesObject; request: DeletionRequest }): Promise<void> {
    const review = () => reviewedDeletion(this.#resources, deletion)
    await this.#mutate(deletion.kind, review)
    await this.#validate(deletion.kind, review)
  }

  /** The body as webhooks leave it. Throws what one of them refuses it with. */
  async review(call: SubresourceCall): Promise<object> {
    let { body } = call
    const review = () =>
      reviewedCall({ ...call, body }, changed => {
        body = changed
      })
    await this.#mutate(call.kind, review)
    await this.#validate(call.kind, review)
    return body
  }

  async #mutate(kind: Kind, review: () => Changeable, again = async () => {}): Promise<void> {
    const round = await this.#mutations.mutate(kind, review)
    const repeat = async () => {
      await again()
      await round.again()
    }
    await this.#webhooks.mutate(kind, review, repeat, round.isChanged)
  }

  async #validate(kind: Kind, review: () => Reviewed): Promise<void> {
    await this.#policies.validate(kind, review)
    await this.#webhooks.validate(kind, review)
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
    return this.#byResource.get(qualifiedResource(kind)) ?? this.#ofAll
  }
}

/** Tells every rule how the commit went. */
export function settle(extra: Extra, outcome: Parameters<Extra['settled'][number]>[0]): void {
  for (const settled of extra.settled) settled(outcome)
}
