export { AUTHORITIES_SECRET, authoritiesSecret, readAuthoritiesSecret } from './authorities-secret.ts'
export { type Authority, authoritiesIn, certificatesIn, issuerHash, readAuthority, readKeyPair } from './authority.ts'
export {
  type CertificateRequest,
  createAuthority,
  createCertificate,
  createCertificateFor,
  daysLeft,
  isSignedBy,
  type KeyPair,
  type Lifetime,
  namesOf,
  sign,
} from './certificates.ts'
export { type EtcdMemberPki, type EtcdPkiOptions, loadOrRenewEtcdPki } from './etcd-pki.ts'
export { createFile, readText, replaceFile } from './files.ts'
export { generateKeys, SIGNING_ALGORITHM } from './keys.ts'
export { type KubeconfigOptions, makeKubeconfig } from './kubeconfig.ts'
export {
  API_SERVER,
  AUTHORITY_DAYS,
  CERTIFICATE_LIFETIME_MS,
  CONTROLLERS,
  type EncryptionKey,
  FRONT_PROXY,
  type FrontProxy,
  loadOrCreateFrontProxy,
  loadOrCreatePki,
  type Pki,
  type PkiOptions,
} from './load-or-create-pki.ts'
export { isRenewalDue, lifeOf, renewalTime, warningTime } from './renewal.ts'
export { x509 } from './x509.ts'
