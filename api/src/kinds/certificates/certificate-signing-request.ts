import { formatAge } from '../../duration.ts'
import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { bytes, field, int32, object, required, string, strings, stringsMap, time } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateRequest, validateSigning } from './rules.ts'
import type { CertificateSigningRequest } from './types.ts'

const specSchema = once(() =>
  object('CertificateSigningRequestSpec', 'What certificate is asked for, and by whom. It cannot be changed.', {
    request: required(bytes('PKCS#10 request in PEM.')),
    signerName: required(
      string('Who is to sign: a domain and a name, such as kubernetes.io/kube-apiserver-client. Controllers sign for the names they know.'),
    ),
    expirationSeconds: int32('How long the certificate should be good; at least 600. The signer may give less, or more.'),
    usages: strings('What the key is for, such as digital signature, client auth and server auth.'),
    username: string('Who asks. Set by the server.'),
    uid: string('Uid of who asks. Set by the server.'),
    groups: strings('Groups of who asks. Set by the server.'),
    extra: stringsMap('What else is known of who asks. Set by the server.'),
  }),
)

const statusSchema = once(() =>
  object('CertificateSigningRequestStatus', 'What became of the request.', {
    conditions: conditionListSchema(
      'CertificateSigningRequestCondition',
      'What was decided: Approved or Denied, through the subresource approval, and Failed when it could not be signed. They stay.',
      { lastUpdateTime: time('When the condition was last written.') },
    ),
    certificate: bytes('The certificate and those above it in PEM, once it is signed. It stays.'),
  }),
)

export const certificateSigningRequestKind = defineKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  nameRule: 'path-segment',
  subresources: ['status', 'approval'],
  hasGeneration: false,
  keepsSpec: true,
  description: 'Asks for a certificate, which somebody must approve before a signer signs it.',
  schema: () =>
    object('CertificateSigningRequest', 'Asks for a certificate.', {
      spec: required(field(specSchema(), 'What certificate is asked for, and by whom.')),
      status: field(statusSchema(), 'What became of the request.'),
    }),
  applyDefaults(request) {
    request.status ??= {}
  },
  validate: validateRequest,
  validateStatus: validateSigning,
  selectableFields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  columns: [
    nameColumn,
    ageColumn,
    { name: 'SignerName', type: 'string', description: 'Who is to sign.', value: ({ spec }) => spec?.signerName || '<none>' },
    { name: 'Requestor', type: 'string', description: 'Who asks.', value: ({ spec }) => spec?.username ?? '' },
    {
      name: 'RequestedDuration',
      type: 'string',
      description: 'How long the certificate should be good.',
      value: ({ spec }) => (spec?.expirationSeconds === undefined ? '<none>' : formatAge(spec.expirationSeconds * 1000)),
    },
    { name: 'Condition', type: 'string', description: 'What became of the request.', value: formatCondition },
  ],
})

function formatCondition({ status }: CertificateSigningRequest): string {
  const types = new Set((status?.conditions ?? []).map(({ type }) => type))
  const decision = types.has('Denied') ? 'Denied' : types.has('Approved') ? 'Approved' : 'Pending'
  return [decision, ...(types.has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',')
}
