import { invalidValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, MicroTime } from '../../meta.ts'
import { field, int32, microTime, object, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export interface Lease extends KubernetesObject {
  spec?: LeaseSpec
}

export interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: MicroTime
  renewTime?: MicroTime
  leaseTransitions?: number
}

export const leaseKind = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  description: 'A claim that ends unless it is renewed: leadership, or that a node lives.',
  schema: () =>
    object('Lease', 'A claim that ends unless it is renewed.', {
      spec: field(
        object('LeaseSpec', 'Who holds a lease and for how long.', {
          holderIdentity: string('Who holds it.'),
          leaseDurationSeconds: int32('Seconds after renewTime when others may take it.'),
          acquireTime: microTime('When the holder took it.'),
          renewTime: microTime('When the holder last renewed it.'),
          leaseTransitions: int32('How often it changed hands.'),
        }),
        'Who holds it and for how long.',
      ),
    }),
  applyDefaults(lease) {
    lease.spec ??= {}
  },
  validate: ({ spec = {} }) => {
    const errors: FieldError[] = []
    if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
      errors.push(invalidValue('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'))
    }
    if (spec.leaseTransitions !== undefined && spec.leaseTransitions < 0) {
      errors.push(invalidValue('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'))
    }
    return errors
  },
  columns: [
    nameColumn,
    { name: 'Holder', type: 'string', description: 'Who holds it.', value: lease => lease.spec?.holderIdentity ?? '' },
    ageColumn,
  ],
})
