export {
  type CertificateRequest,
  createAuthority,
  createCertificate,
  daysLeft,
  isSignedBy,
  type KeyPair,
  type Lifetime,
  namesOf,
  sign,
} from './certificates.ts'
export { createFile, readText, replaceFile } from './files.ts'
export { generateKeys, SIGNING_ALGORITHM } from './keys.ts'
export { type KubeconfigOptions, makeKubeconfig } from './kubeconfig.ts'
export { CONTROLLERS, type EncryptionKey, loadOrCreatePki, type Pki, type PkiOptions } from './load-or-create-pki.ts'
export { x509 } from './x509.ts'
