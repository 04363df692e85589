/** Parts that several kinds of resource.k8s.io have. */
import { z } from 'zod'
import { once } from '../../once.ts'
import { atomic, boolean, field, int64, list, object, oneOf, quantityMap, required, string, strings, time } from '../../schema/fields.ts'

export const deviceSelectorSchema = once(() =>
  object('DeviceSelector', 'What a device must be.', {
    cel: field(
      object('CELDeviceSelector', 'A condition in CEL.', { expression: required(string('The condition; `device` is the device.')) }),
      'A condition in CEL.',
    ),
  }),
)

const opaque = () =>
  field(
    object('OpaqueDeviceConfiguration', 'Settings for a driver.', {
      driver: required(string('Name of the driver.')),
      parameters: required(atomic(z.unknown().describe('What the driver is told, in its own form.'))),
    }),
    'Settings for a driver.',
  )

export const classConfigurationSchema = once(() =>
  object('DeviceClassConfiguration', 'Settings of devices of the class.', { opaque: opaque() }),
)

export const claimConfigurationSchema = once(() =>
  object('DeviceClaimConfiguration', 'Settings of claimed devices.', {
    requests: strings('Names of the requests it is for; empty: all.'),
    opaque: opaque(),
  }),
)

export const allocationConfigurationSchema = once(() =>
  object('DeviceAllocationConfiguration', 'Settings of allocated devices.', {
    source: required(string('FromClass or FromClaim.')),
    requests: strings('Names of the requests it is for; empty: all.'),
    opaque: opaque(),
  }),
)

export const deviceTolerationSchema = once(() =>
  object('DeviceToleration', 'Lets a device with a matching taint be used.', {
    key: string('Key of the taint; empty with Exists matches all.'),
    operator: oneOf(['Equal', 'Exists'], 'Equal (the default) compares the value, Exists does not.'),
    value: string('Value of the taint.'),
    effect: oneOf(['None', 'NoSchedule', 'NoExecute'], 'Effect of the taint; empty matches all.'),
    tolerationSeconds: int64('With NoExecute: for how long the taint is tolerated.'),
  }),
)

export const deviceTaintSchema = once(() =>
  object('DeviceTaint', 'Keeps pods away from a device.', {
    key: required(string('Key of the taint.')),
    value: string('Value of the taint.'),
    effect: required(oneOf(['None', 'NoSchedule', 'NoExecute'], 'What becomes of pods that do not tolerate it.')),
    timeAdded: time('When it was added.'),
  }),
)

/** Fields of a request, or of one of several that would do. */
export const requestFields = () => ({
  deviceClassName: required(string('DeviceClass of the devices.')),
  selectors: list(deviceSelectorSchema(), 'What the devices must be besides.'),
  allocationMode: oneOf(['ExactCount', 'All'], 'Whether a number of devices is wanted, or all; ExactCount by default.'),
  count: int64('How many, with ExactCount; 1 by default.'),
  tolerations: list(deviceTolerationSchema(), 'Taints of devices that are put up with.'),
  capacity: field(
    object('CapacityRequirements', 'How much of each device is wanted.', { requests: quantityMap('Amounts by name.') }),
    'How much of each device is wanted.',
  ),
})

export const adminAccess = () => boolean('Whether the devices are wanted for looking after them, also when they are in use.')
