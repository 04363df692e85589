import type { Condition, KubernetesObject, Time } from '../../meta.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/certificate-signing-request-v1/ */
export interface CertificateSigningRequest extends KubernetesObject {
  spec: CertificateSigningRequestSpec
  status?: CertificateSigningRequestStatus
}

export interface CertificateSigningRequestSpec {
  /** PKCS#10 in PEM, in base64. */
  request: string
  /** Domain and name of who is to sign, such as `kubernetes.io/kubelet-serving`. */
  signerName: string
  /** At least 600. */
  expirationSeconds?: number
  usages?: string[]
  /** Who asked; these four are the server's to set. */
  username?: string
  uid?: string
  groups?: string[]
  extra?: Record<string, string[]>
}

export interface CertificateSigningRequestStatus {
  conditions?: CertificateSigningRequestCondition[]
  /** Chain in PEM, in base64. */
  certificate?: string
}

export interface CertificateSigningRequestCondition extends Condition {
  lastUpdateTime?: Time
}

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#pod-certificate-requests */
export interface PodCertificateRequest extends KubernetesObject {
  spec: PodCertificateRequestSpec
  status?: PodCertificateRequestStatus
}

export interface PodCertificateRequestSpec {
  signerName: string
  podName: string
  podUID: string
  serviceAccountName: string
  serviceAccountUID: string
  nodeName: string
  nodeUID: string
  maxExpirationSeconds?: number
  unverifiedUserAnnotations?: Record<string, string>
  /** PKCS#10 in DER, in base64. */
  stubPKCS10Request: string
}

export interface PodCertificateRequestStatus {
  conditions?: (Condition & { observedGeneration?: number })[]
  /** PEM; the certificate itself comes first. */
  certificateChain?: string
  notBefore?: Time
  beginRefreshAt?: Time
  notAfter?: Time
}
