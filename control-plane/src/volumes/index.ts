export { ANNOTATIONS, FINALIZERS } from './annotations.ts'
export {
  allowsTopology,
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
