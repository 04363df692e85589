export { ANNOTATIONS, FINALIZERS } from './annotations.ts'
export { boundVolume, claimReference } from './bound-volume.ts'
export {
  claimNameOf,
  claimsOf,
  defaultClass,
  ephemeralClaimName,
  isBound,
  isKeptFor,
  isOwnedBy,
  onlyNodeOf,
  type PodClaim,
  podUsesClaim,
  reachesNode,
  volumeBelongsTo,
} from './claims.ts'
export { bestVolume, mismatch } from './matching.ts'
export { canKeepVolumes, isKeptByDocker } from './provisioner.ts'
