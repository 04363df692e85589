import { immutable } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { bytes, field, int32, object, required, string, stringMap, time } from '../../schema/fields.ts'
import { createdAtColumn, nameColumn } from '../columns.ts'
import { validatePodRequest, validatePodRequestStatus } from './pod-certificate-rules.ts'
import type { PodCertificateRequest, PodCertificateRequestSpec } from './types.ts'

const MAX_EXPIRATION_SECONDS_DEFAULT = 86_400

const specSchema = once(() =>
  object('PodCertificateRequestSpec', 'What certificate is asked for, for which pod. It cannot be changed.', {
    signerName: required(string('Who is to sign, such as example.com/signer.')),
    podName: required(string('Name of the pod that is to have it.')),
    podUID: required(string('Uid of the pod.')),
    serviceAccountName: required(string('ServiceAccount that the pod runs as.')),
    serviceAccountUID: required(string('Uid of the ServiceAccount.')),
    nodeName: required(string('Node that the pod is on.')),
    nodeUID: required(string('Uid of the node.')),
    maxExpirationSeconds: int32(
      'The longest that the certificate may be good: from 3600 to 7862400, for signers of Kubernetes to 86400. Default 86400.',
    ),
    unverifiedUserAnnotations: stringMap('What the author of the pod tells the signer. Nobody has checked it.'),
    stubPKCS10Request: required(bytes('PKCS#10 request in DER, signed by the key that is to be certified. Only the key in it counts.')),
  }),
)

const statusSchema = once(() =>
  object('PodCertificateRequestStatus', 'What became of the request. Once it is decided it stays.', {
    conditions: commonConditionListSchema('What was decided: Issued, Denied or Failed, and only one of them.'),
    certificateChain: string('The certificate and those above it in PEM, once it is issued.'),
    notBefore: time('When the certificate begins to be good.'),
    beginRefreshAt: time('When the next one should be asked for.'),
    notAfter: time('When it ends to be good.'),
  }),
)

export const podCertificateRequestKind = defineKind<PodCertificateRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'PodCertificateRequest',
  plural: 'podcertificaterequests',
  namespaced: true,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Asks a signer for a certificate for a pod.',
  schema: () =>
    object('PodCertificateRequest', 'Asks a signer for a certificate for a pod.', {
      spec: required(field(specSchema(), 'What certificate is asked for, for which pod.')),
      status: field(statusSchema(), 'What became of the request.'),
    }),
  applyDefaults(request) {
    // The schema says what is missing.
    request.spec ??= {} as PodCertificateRequestSpec
    request.spec.maxExpirationSeconds ??= MAX_EXPIRATION_SECONDS_DEFAULT
    request.status ??= {}
  },
  validate: ({ spec }) => validatePodRequest(spec),
  validateStatus: validatePodRequestStatus,
  validateUpdate: ({ spec }, { spec: old }) => immutable('spec', spec, old),
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '', 'spec.nodeName': ({ spec }) => spec.nodeName ?? '' },
  columns: [nameColumn, createdAtColumn],
})
