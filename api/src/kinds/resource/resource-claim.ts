import { z } from 'zod'
import { immutable } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { atomic, field, list, object, quantityMap, required, string, strings, time } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { nodeSelectorSchema } from '../core/pod/scheduling-schema.ts'
import {
  adminAccess,
  allocationConfigurationSchema,
  claimConfigurationSchema,
  deviceTolerationSchema,
  requestFields,
} from './device-schema.ts'
import type { ResourceClaim, ResourceClaimSpec } from './types.ts'
import { validateClaimSpec } from './validate.ts'

/** The component `ResourceClaimSpec`. */
export const resourceClaimSpecSchema = once(() =>
  object('ResourceClaimSpec', 'The devices that are wanted.', {
    devices: field(
      object('DeviceClaim', 'The devices that are wanted.', {
        requests: list(
          object('DeviceRequest', 'Devices of one kind: one of `exactly` and `firstAvailable`.', {
            name: required(string('Name of the request, by which containers refer to it.')),
            exactly: field(
              object('ExactDeviceRequest', 'What is wanted.', { ...requestFields(), adminAccess: adminAccess() }),
              'What is wanted.',
            ),
            firstAvailable: list(
              object('DeviceSubRequest', 'One of several that would do.', { name: required(string('Its name.')), ...requestFields() }),
              'Several that would do, the best first.',
            ),
          }),
          'Devices, each of its kind.',
        ),
        constraints: list(
          object('DeviceConstraint', 'What must hold of several devices together.', {
            requests: strings('Names of the requests; empty: all.'),
            matchAttribute: string('An attribute that must be the same of all.'),
            distinctAttribute: string('An attribute that must differ.'),
          }),
          'What must hold of several devices together.',
        ),
        config: list(claimConfigurationSchema(), 'Settings of the devices.'),
      }),
      'The devices that are wanted.',
    ),
  }),
)

const allocation = () =>
  object('AllocationResult', 'The devices that were chosen.', {
    devices: field(
      object('DeviceAllocationResult', 'The devices that were chosen.', {
        results: list(
          object('DeviceRequestAllocationResult', 'A device that was chosen.', {
            request: required(string('Name of the request.')),
            driver: required(string('Name of the driver.')),
            pool: required(string('Pool of the device.')),
            device: required(string('Name of the device in the pool.')),
            adminAccess: adminAccess(),
            tolerations: list(deviceTolerationSchema(), 'Taints that are put up with.'),
            bindingConditions: strings('Conditions that must hold before pods use it.'),
            bindingFailureConditions: strings('Conditions that end the allocation.'),
            shareID: string('Which share of the device it is.'),
            consumedCapacity: quantityMap('How much of the device it takes.'),
          }),
          'The devices.',
        ),
        config: list(allocationConfigurationSchema(), 'Their settings.'),
      }),
      'The devices that were chosen.',
    ),
    nodeSelector: field(nodeSelectorSchema(), 'Nodes where they can be used; all, if absent.'),
    allocationTimestamp: time('When they were chosen.'),
  })

const status = () =>
  object('ResourceClaimStatus', 'What became of the claim.', {
    allocation: field(allocation(), 'The devices that were chosen.'),
    reservedFor: list(
      object('ResourceClaimConsumerReference', 'Who may use the devices.', {
        apiGroup: string('API group.'),
        resource: required(string('Plural of the kind, such as `pods`.')),
        name: required(string('Name.')),
        uid: required(string('Uid.')),
      }),
      'Who may use the devices now.',
      { mergeKey: 'uid' },
    ),
    devices: list(
      object('AllocatedDeviceStatus', 'How a device is.', {
        driver: required(string('Name of the driver.')),
        pool: required(string('Pool of the device.')),
        device: required(string('Name of the device.')),
        shareID: string('Which share of the device it is.'),
        conditions: commonConditionListSchema('How it is, by aspect.'),
        data: atomic(z.unknown().optional().describe('What the driver tells, in its own form.')),
        networkData: field(
          object('NetworkDeviceData', 'Of a network interface.', {
            interfaceName: string('Name of the interface.'),
            ips: strings('Its addresses.'),
            hardwareAddress: string('Its MAC address.'),
          }),
          'Of a network interface.',
        ),
      }),
      'How the devices are.',
      { listType: 'map', listMapKeys: ['driver', 'device', 'pool', 'shareID'] },
    ),
  })

export const resourceClaimKind = defineKind<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  namespaced: true,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Asks for devices. Kept for drivers; Davit allocates no devices by claims.',
  schema: () =>
    object('ResourceClaim', 'Asks for devices.', {
      spec: required(field(resourceClaimSpecSchema(), 'The devices that are wanted. Cannot be changed.')),
      status: field(status(), 'What became of the claim.'),
    }),
  applyDefaults: ({ spec }) => applyClaimDefaults(spec),
  validate: ({ spec }) => validateClaimSpec(spec ?? {}, 'spec'),
  validateUpdate: ({ spec }, old) => immutable('spec', spec, old.spec),
  columns: [nameColumn, { name: 'State', type: 'string', description: 'Whether it has its devices.', value: stateOf }, ageColumn],
})

/** Of a claim, and of templates of claims. Changes `spec`. */
export function applyClaimDefaults(spec: ResourceClaimSpec | undefined): void {
  for (const { exactly, firstAvailable = [] } of spec?.devices?.requests ?? []) {
    for (const part of [exactly, ...firstAvailable]) {
      if (!part) continue
      part.allocationMode ??= 'ExactCount'
      if (part.allocationMode === 'ExactCount') part.count ??= 1
      for (const toleration of part.tolerations ?? []) toleration.operator ??= 'Equal'
    }
  }
}

function stateOf({ metadata, status: { allocation, reservedFor = [] } = {} }: ResourceClaim): string {
  const states = [
    ...(metadata.deletionTimestamp ? ['deleted'] : []),
    ...(allocation ? ['allocated'] : []),
    ...(reservedFor.length > 0 ? ['reserved'] : []),
  ]
  return states.length === 0 ? 'pending' : states.join(',')
}
