import { immutable, invalidIf, invalidValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isDnsSubdomain } from '../../names.ts'
import { field, object, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { nameColumn } from '../columns.ts'
import { certificateIn, type PemBlock, pemBlocks } from './pem.ts'
import { validateSignerName } from './rules.ts'

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#cluster-trust-bundles */
export interface ClusterTrustBundle extends KubernetesObject {
  spec: ClusterTrustBundleSpec
}

export interface ClusterTrustBundleSpec {
  /** Whose certificates the bundle is to be trusted for; it is part of the name, and who writes must be allowed to `attest` for it. */
  signerName?: string
  /** Certificates of authorities, PEM. */
  trustBundle: string
}

const BUNDLE_BYTES_MAX = 1024 * 1024
const BUNDLE = 'spec.trustBundle'

export const clusterTrustBundleKind = defineKind<ClusterTrustBundle>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'ClusterTrustBundle',
  plural: 'clustertrustbundles',
  namespaced: false,
  // A signer's name with colons stands before the rest of it.
  nameRule: 'path-segment',
  hasGeneration: false,
  description: 'Authorities to be trusted, for everybody to read.',
  schema: () =>
    object('ClusterTrustBundle', 'Authorities to be trusted, for everybody to read.', {
      spec: required(
        field(
          object('ClusterTrustBundleSpec', 'The authorities, and for which signer they speak.', {
            signerName: string('Signer whose certificates they are to be trusted for. It is part of the name, and cannot be changed.'),
            trustBundle: required(string('Certificates of authorities in PEM, in any order, each once; at most 1 MiB.')),
          }),
          'The authorities, and for which signer they speak.',
        ),
      ),
    }),
  applyDefaults(bundle) {
    // The schema says what is missing.
    bundle.spec ??= {} as ClusterTrustBundleSpec
  },
  validate: ({ metadata, spec: { signerName = '' } }) => [
    ...invalidIf('metadata.name', metadata.name, whyNotName(metadata.name ?? '', signerName)),
    ...(signerName ? validateSignerName(signerName, 'spec.signerName') : []),
  ],
  validateCreate: ({ spec }) => validateBundle(spec.trustBundle),
  // What was read once is not read again: readers of certificates differ, and change.
  validateUpdate: ({ spec }, { spec: old }) => [
    ...(spec.trustBundle === old.trustBundle ? [] : validateBundle(spec.trustBundle)),
    ...immutable('spec.signerName', spec.signerName ?? '', old.signerName ?? ''),
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
  columns: [
    nameColumn,
    { name: 'SignerName', type: 'string', description: 'For which signer they speak.', value: ({ spec }) => spec.signerName || '<none>' },
  ],
})

function whyNotName(name: string, signerName: string): string | undefined {
  if (!signerName) {
    return name.includes(':') ? 'ClusterTrustBundle without signer name must not have ":" in its name' : isDnsSubdomain(name)
  }
  const prefix = `${signerName.replaceAll('/', ':')}:`
  if (!name.startsWith(prefix)) return `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`
  return isDnsSubdomain(name.slice(prefix.length))
}

function validateBundle(bundle = ''): FieldError[] {
  if (Buffer.byteLength(bundle) > BUNDLE_BYTES_MAX) return [tooLong(BUNDLE, BUNDLE_BYTES_MAX)]
  const blocks = pemBlocks(bundle)
  const refuse = (why: string) => invalidValue(BUNDLE, '<value omitted>', why)
  const errors = blocks.flatMap((block, i) => {
    const why = whyNotAuthority(block)
    return why === undefined ? [] : [refuse(`entry ${i} ${why}`)]
  })
  if (errors.length > 0) return errors
  if (blocks.length === 0) return [refuse('at least one trust anchor must be provided')]
  return repeated(blocks).map(indices => refuse(`duplicate trust anchor (indices [${indices.join(' ')}])`))
}

function whyNotAuthority(block: PemBlock): string | undefined {
  if (block.type !== 'CERTIFICATE') return `has bad block type: ${block.type}`
  if (block.hasHeaders) return 'has PEM block headers'
  const certificate = certificateIn(block)
  if (!certificate) return 'does not parse as X.509'
  return certificate.ca ? undefined : 'does not have the CA bit set'
}

/** Places of each certificate that is there more than once. */
function repeated(blocks: readonly PemBlock[]): number[][] {
  const places = new Map<string, number[]>()
  for (const [i, block] of blocks.entries()) {
    const print = certificateIn(block)?.fingerprint256 ?? ''
    places.set(print, [...(places.get(print) ?? []), i])
  }
  return [...places.values()].filter(indices => indices.length > 1)
}
