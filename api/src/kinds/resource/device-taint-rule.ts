import { defineKind } from '../../kind.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { field, object, required, string } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { deviceTaintSchema } from './device-schema.ts'
import type { DeviceTaintRule } from './types.ts'
import { validateDriver, validatePool, validateTaint } from './validate.ts'

export const deviceTaintRuleKind = defineKind<DeviceTaintRule>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceTaintRule',
  plural: 'devicetaintrules',
  namespaced: false,
  subresources: ['status'],
  description: 'Puts a taint on devices. Kept for drivers; Davit allocates no devices by claims.',
  schema: () =>
    object('DeviceTaintRule', 'Puts a taint on devices.', {
      spec: required(
        field(
          object('DeviceTaintRuleSpec', 'The devices and the taint.', {
            deviceSelector: field(
              object('DeviceTaintSelector', 'The devices; what is absent matches all.', {
                driver: string('Name of the driver.'),
                pool: string('Pool of the devices.'),
                device: string('Name of the device.'),
              }),
              'The devices; all, if absent.',
            ),
            taint: required(field(deviceTaintSchema(), 'The taint.')),
          }),
          'The devices and the taint.',
        ),
      ),
      status: field(
        object('DeviceTaintRuleStatus', 'What became of the rule.', { conditions: commonConditionListSchema('How it goes, by aspect.') }),
        'What became of the rule.',
      ),
    }),
  validate: ({ spec }) => {
    const { driver, pool } = spec?.deviceSelector ?? {}
    return [
      ...(driver === undefined ? [] : validateDriver(driver, 'spec.deviceSelector.driver')),
      ...(pool === undefined ? [] : validatePool(pool, 'spec.deviceSelector.pool')),
      ...validateTaint(spec?.taint ?? {}, 'spec.taint'),
    ]
  },
  columns: [nameColumn, ageColumn],
})
