import { defineKind } from '../../kind.ts'
import { list, object, oneOf } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { ADMISSION_GROUP, type MutatingWebhookConfiguration } from './types.ts'
import { applyWebhookDefaults, REINVOCATIONS, validateWebhooks, webhookFields } from './webhooks.ts'

export const mutatingWebhookConfigurationKind = defineKind<MutatingWebhookConfiguration>({
  group: ADMISSION_GROUP,
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  description: 'Servers outside that may change objects before they are stored.',
  schema: () =>
    object('MutatingWebhookConfiguration', 'Servers outside that may change objects before they are stored.', {
      webhooks: list(
        object('MutatingWebhook', 'A server that may change objects before they are stored.', {
          ...webhookFields(),
          reinvocationPolicy: oneOf(
            REINVOCATIONS,
            'Whether it is asked again when a later one changed the object: IfNeeded or Never. Default Never.',
          ),
        }),
        'The webhooks and what they are asked about.',
        { mergeKey: 'name' },
      ),
    }),
  applyDefaults(configuration) {
    applyWebhookDefaults(configuration)
    for (const webhook of configuration.webhooks ?? []) webhook.reinvocationPolicy ??= 'Never'
  },
  validate: validateWebhooks,
  columns: [
    nameColumn,
    { name: 'Webhooks', type: 'integer', description: 'How many webhooks there are.', value: ({ webhooks = [] }) => webhooks.length },
    ageColumn,
  ],
})
