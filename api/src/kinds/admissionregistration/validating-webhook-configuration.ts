import { defineKind } from '../../kind.ts'
import { list, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { ADMISSION_GROUP, type ValidatingWebhookConfiguration } from './types.ts'
import { applyWebhookDefaults, validateWebhooks, webhookFields } from './webhooks.ts'

export const validatingWebhookConfigurationKind = defineKind<ValidatingWebhookConfiguration>({
  group: ADMISSION_GROUP,
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  description: 'Servers outside that may refuse objects before they are stored.',
  schema: () =>
    object('ValidatingWebhookConfiguration', 'Servers outside that may refuse objects before they are stored.', {
      webhooks: list(
        object('ValidatingWebhook', 'A server that may refuse objects before they are stored.', webhookFields()),
        'The webhooks and what they are asked about.',
        { mergeKey: 'name' },
      ),
    }),
  applyDefaults: applyWebhookDefaults,
  validate: validateWebhooks,
  columns: [
    nameColumn,
    { name: 'Webhooks', type: 'integer', description: 'How many webhooks there are.', value: ({ webhooks = [] }) => webhooks.length },
    ageColumn,
  ],
})
