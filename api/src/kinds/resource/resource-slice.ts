import { z } from 'zod'
import { duplicateValue, immutable, invalidIf, invalidValue, requiredValue, tooMany } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { isDnsLabel } from '../../names.ts'
import { boolean, field, int64, list, object, quantity, required, string, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { nodeSelectorSchema } from '../core/pod/scheduling-schema.ts'
import { deviceTaintSchema } from './device-schema.ts'
import type { Device, ResourceSlice } from './types.ts'
import { validateDriver, validatePlaces, validatePool, validateTaint } from './validate.ts'

const DEVICES_MAX = 128

const byName = (value: z.ZodType, description: string) => z.record(z.string(), value).optional().describe(description)

const counters = () => byName(object('Counter', 'An amount.', { value: required(quantity('How much there is.')) }), 'Amounts by name.')

const places = () => ({
  nodeName: string('The one node where it can be used.'),
  nodeSelector: field(nodeSelectorSchema(), 'Nodes where it can be used.'),
  allNodes: boolean('Whether it can be used from every node.'),
})

const device = () =>
  object('Device', 'A device.', {
    name: required(string('Name of the device, unique in the pool.')),
    attributes: byName(
      object('DeviceAttribute', 'One value.', {
        int: int64('A whole number.'),
        bool: boolean('Yes or no.'),
        string: string('A text.'),
        version: string('A semantic version.'),
      }),
      'What the device is, by name.',
    ),
    capacity: byName(
      object('DeviceCapacity', 'An amount that the device has.', {
        value: required(quantity('How much there is.')),
        requestPolicy: field(
          object('CapacityRequestPolicy', 'How much can be asked for.', {
            default: quantity('What who asks for nothing gets.'),
            validValues: z
              .array(z.union([z.string(), z.number()]).meta({ format: 'quantity' }))
              .optional()
              .meta({ listType: 'atomic', description: 'Amounts that can be asked for.' }),
            validRange: field(
              object('CapacityRequestPolicyRange', 'Amounts that can be asked for.', {
                min: required(quantity('The least.')),
                max: quantity('The most.'),
                step: quantity('By how much they differ.'),
              }),
              'Amounts that can be asked for.',
            ),
          }),
          'How much can be asked for.',
        ),
      }),
      'What the device has, by name.',
    ),
    consumesCounters: list(
      object('DeviceCounterConsumption', 'What the device takes of something shared.', {
        counterSet: required(string('Name of the set.')),
        counters: counters(),
      }),
      'What the device takes of what several share.',
    ),
    ...places(),
    taints: list(deviceTaintSchema(), 'What keeps pods away.'),
    bindsToNode: boolean('Whether pods that use it stay on their node.'),
    bindingConditions: strings('Conditions that must hold before pods use it.'),
    bindingFailureConditions: strings('Conditions that end an allocation.'),
    allowMultipleAllocations: boolean('Whether several claims may share it.'),
  })

export const resourceSliceKind = defineKind<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  hasGeneration: true,
  description: 'Devices that a driver has. Kept for drivers; Davit allocates no devices by claims.',
  schema: () =>
    object('ResourceSlice', 'Devices that a driver has.', {
      spec: required(
        field(
          object('ResourceSliceSpec', 'The devices.', {
            driver: required(string('Name of the driver. Cannot be changed.')),
            pool: required(
              field(
                object('ResourcePool', 'The pool the devices are in.', {
                  name: required(string('Name of the pool. Cannot be changed.')),
                  generation: required(int64('Number of the state of the pool; slices of an older one do not count.')),
                  resourceSliceCount: required(int64('How many slices the pool has.')),
                }),
                'The pool the devices are in.',
              ),
            ),
            ...places(),
            perDeviceNodeSelection: boolean('Whether each device says where it can be used.'),
            devices: list(device(), 'The devices.'),
            sharedCounters: list(
              object('CounterSet', 'What several devices share.', { name: required(string('Name of the set.')), counters: counters() }),
              'What several devices share.',
            ),
          }),
          'The devices.',
        ),
      ),
    }),
  validate: ({ spec }) => (spec ? validateSpec(spec) : []),
  validateUpdate: ({ spec }, { spec: old }) => [
    ...immutable('spec.pool.name', spec?.pool?.name, old?.pool?.name),
    ...immutable('spec.driver', spec?.driver, old?.driver),
    ...immutable('spec.nodeName', spec?.nodeName, old?.nodeName),
  ],
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
  columns: [
    nameColumn,
    { name: 'Node', type: 'string', description: 'The node of the devices.', value: ({ spec }) => spec?.nodeName || '<unset>' },
    { name: 'Driver', type: 'string', description: 'Name of the driver.', value: ({ spec }) => spec?.driver },
    { name: 'Pool', type: 'string', description: 'The pool of the devices.', value: ({ spec }) => spec?.pool?.name },
    ageColumn,
  ],
})

function validateSpec({
  driver,
  pool,
  nodeName,
  nodeSelector,
  allNodes,
  perDeviceNodeSelection,
  devices = [],
}: ResourceSlice['spec']): FieldError[] {
  const { generation = 0, resourceSliceCount = 0 } = pool ?? {}
  const errors = [...validateDriver(driver, 'spec.driver'), ...validatePool(pool?.name, 'spec.pool.name')]
  if (resourceSliceCount <= 0) errors.push(invalidValue('spec.pool.resourceSliceCount', resourceSliceCount, 'must be greater than zero'))
  if (generation < 0) errors.push(invalidValue('spec.pool.generation', generation, 'must be greater than or equal to zero'))
  errors.push(...validatePlaces({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection }, 'spec'))
  if (devices.length > DEVICES_MAX) errors.push(tooMany('spec.devices', devices.length, DEVICES_MAX))
  return [...errors, ...devices.flatMap((each, i) => validateDevice(each, `spec.devices[${i}]`, devices.slice(0, i)))]
}

function validateDevice({ name, attributes = {}, taints = [] }: Device, path: string, earlier: readonly Device[]): FieldError[] {
  const errors = name ? invalidIf(`${path}.name`, name, isDnsLabel(name)) : [requiredValue(`${path}.name`)]
  if (earlier.some(other => other.name === name)) errors.push(duplicateValue(`${path}.name`, name))
  for (const [key, attribute] of Object.entries(attributes)) {
    const at = `${path}.attributes[${key}]`
    const count = Object.values(attribute).filter(value => value !== undefined).length
    if (count === 0) errors.push(requiredValue(at, 'exactly one value must be specified'))
    else if (count > 1) errors.push(invalidValue(at, attribute, 'exactly one value must be specified'))
  }
  return [...errors, ...taints.flatMap((taint, i) => validateTaint(taint, `${path}.taints[${i}]`))]
}
