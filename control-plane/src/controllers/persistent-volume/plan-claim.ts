/** What is to be done about a claim: pure. */
import { type Node, type PersistentVolume, type PersistentVolumeClaim, type StorageClass, VOLUMES } from '@davit/api'
import { ANNOTATIONS, bestVolume, defaultClass, isKeptFor, mismatch, volumeBelongsTo } from '../../volumes/index.ts'
import { type Action, event } from './actions.ts'
import { bindingSteps } from './bind.ts'
import { chooseNode } from './choose-node.ts'
import { planExpansion } from './expand.ts'
import { provisionVolume } from './provision.ts'

export interface ObservedClaim {
  readonly claim: PersistentVolumeClaim
  readonly volumes: ReadonlyMap<string, PersistentVolume>
  readonly classes: ReadonlyMap<string, StorageClass>
  readonly nodes: ReadonlyMap<string, Node>
}

/** What brings the claim to its volume; for a claim that is bound, what keeps it so. */
export function planClaim(observed: ObservedClaim): Action[] {
  const { claim } = observed
  if (claim.metadata.annotations?.[ANNOTATIONS.bindCompleted] !== undefined) return planBoundClaim(observed)
  // Nothing is begun for what is on its way out.
  if (claim.metadata.deletionTimestamp !== undefined) return []
  return claim.spec.volumeName ? planNamedVolume(observed, claim.spec.volumeName) : planUnboundClaim(observed)
}

function planBoundClaim({ claim, volumes, classes }: ObservedClaim): Action[] {
  const { volumeName } = claim.spec
  if (!volumeName) return lost(claim, 'ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!')
  const volume = volumes.get(volumeName)
  if (!volume) return lost(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
  if (volume.spec.claimRef && !isKeptFor(volume, claim)) {
    return lost(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')
  }
  const steps = bindingSteps(claim, volume)
  return steps.length > 0 ? steps : planExpansion(claim, volume, classes.get(claim.spec.storageClassName ?? ''))
}

function lost(claim: PersistentVolumeClaim, reason: string, message: string): Action[] {
  if (claim.status?.phase === 'Lost') return []
  return [{ kind: 'write-claim-status', claim, status: { ...claim.status, phase: 'Lost' } }, event(claim, 'Warning', reason, message)]
}

/** The user chose the volume. */
function planNamedVolume({ claim, volumes }: ObservedClaim, name: string): Action[] {
  const volume = volumes.get(name)
  // It may come yet.
  if (!volume || volume.metadata.deletionTimestamp !== undefined) return []
  if (volumeBelongsTo(volume, claim)) return bindingSteps(claim, volume)
  const { claimRef } = volume.spec
  if (claimRef && !isKeptFor(volume, claim)) {
    return [event(claim, 'Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`)]
  }
  const why = mismatch(claim, volume)
  if (why && !claimRef) return [event(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${why}`)]
  return bindingSteps(claim, volume)
}

function planUnboundClaim(observed: ObservedClaim): Action[] {
  const { claim, volumes, classes, nodes } = observed
  const storageClass = classes.get(claim.spec.storageClassName ?? '')
  const selected = claim.metadata.annotations?.[ANNOTATIONS.selectedNode]
  const isDelayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
  const node = isDelayed && selected ? nodes.get(selected) : undefined
  const volume = bestVolume(claim, volumes.values(), { keptOnly: isDelayed && !node, ...(node && { node }) })
  if (volume) return bindingSteps(claim, volume)
  if (isDelayed && !selected) {
    return [event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')]
  }
  if (claim.spec.storageClassName === undefined) {
    // A claim from before there was a default class is not left out.
    const name = defaultClass(classes.values())?.metadata.name
    if (name !== undefined) return [{ kind: 'write-claim', claim: { ...claim, spec: { ...claim.spec, storageClassName: name } } }]
  }
  if (!claim.spec.storageClassName) {
    return [event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set')]
  }
  return planProvisioning(observed, storageClass)
}

function planProvisioning({ claim, volumes, nodes }: ObservedClaim, storageClass: StorageClass | undefined): Action[] {
  if (!storageClass) {
    return [failed(claim, `storageclass.storage.k8s.io "${claim.spec.storageClassName}" not found`)]
  }
  const { provisioner } = storageClass
  const { annotations } = claim.metadata
  const wanted = { [ANNOTATIONS.betaProvisioner]: provisioner, [ANNOTATIONS.provisioner]: provisioner }
  if (annotations?.[ANNOTATIONS.provisioner] !== provisioner) {
    return [{ kind: 'write-claim', claim: { ...claim, metadata: { ...claim.metadata, annotations: { ...annotations, ...wanted } } } }]
  }
  if (provisioner !== VOLUMES.provisioner) {
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`
    return [event(claim, 'Normal', 'ExternalProvisioning', message)]
  }
  const selected = annotations[ANNOTATIONS.selectedNode]
  if (selected && !nodes.has(selected)) {
    // The scheduler chooses another.
    const { [ANNOTATIONS.selectedNode]: _, ...others } = annotations
    const rescheduled = { ...claim, metadata: { ...claim.metadata, annotations: others } }
    return [failed(claim, `node "${selected}" not found`), { kind: 'write-claim', claim: rescheduled }]
  }
  const node = selected ? nodes.get(selected) : chooseNode(storageClass, nodes.values(), volumes.values())
  if (!node) return [failed(claim, 'no schedulable node can keep the volume')]
  const { volume, ...rest } = provisionVolume(claim, storageClass, node)
  if (!volume)
    return [failed(claim, `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${'why' in rest ? rest.why : ''}`)]
  const name = volume.metadata.name ?? ''
  return [
    { kind: 'create-volume', volume },
    event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name} using ${provisioner}`),
  ]
}

function failed(claim: PersistentVolumeClaim, message: string): Action {
  return event(claim, 'Warning', 'ProvisioningFailed', message)
}
