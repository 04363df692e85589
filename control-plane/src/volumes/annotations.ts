import { VOLUMES } from '@davit/api'

/** By which the scheduler and the controllers of volumes tell each other how far they are; Kubernetes' own names. */
export const ANNOTATIONS = {
  /** On a claim: it has been bound, so that a volume which is missing now is a lost one. */
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  /** On a claim or volume: the controller chose the other side, not the user, and may take that back. */
  boundByController: 'pv.kubernetes.io/bound-by-controller',
  provisionedBy: VOLUMES.provisionedBy,
  /** On a claim: who is to make its volume. */
  provisioner: 'volume.kubernetes.io/storage-provisioner',
  betaProvisioner: 'volume.beta.kubernetes.io/storage-provisioner',
  /** On a claim: the node that the scheduler chose for the first pod that uses it. */
  selectedNode: 'volume.kubernetes.io/selected-node',
} as const

/** What keeps claims and volumes that are in use: added when they are made, taken away by the controller of volume protection. */
export const FINALIZERS = { claim: 'kubernetes.io/pvc-protection', volume: 'kubernetes.io/pv-protection' } as const
