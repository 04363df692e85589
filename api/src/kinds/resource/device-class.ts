import { defineKind } from '../../kind.ts'
import { field, list, object, required, string } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { classConfigurationSchema, deviceSelectorSchema } from './device-schema.ts'
import type { DeviceClass } from './types.ts'
import { validateConfigurations, validateSelectors } from './validate.ts'

export const deviceClassKind = defineKind<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  namespaced: false,
  hasGeneration: true,
  description: 'A kind of device that claims can ask for by name. Kept for drivers; Davit allocates no devices by claims.',
  schema: () =>
    object('DeviceClass', 'A kind of device.', {
      spec: required(
        field(
          object('DeviceClassSpec', 'What devices of the class are.', {
            selectors: list(deviceSelectorSchema(), 'What a device of the class must be.'),
            config: list(classConfigurationSchema(), 'Settings of devices of the class.'),
            extendedResourceName: string('Extended resource by which pods can ask for the class, too.'),
          }),
          'What devices of the class are.',
        ),
      ),
    }),
  validate: ({ spec }) => [...validateSelectors(spec?.selectors, 'spec.selectors'), ...validateConfigurations(spec?.config, 'spec.config')],
  columns: [nameColumn, ageColumn],
})
