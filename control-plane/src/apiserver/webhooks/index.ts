export { WebhookClient } from './client.ts'
export { isByWebhook } from './refusals.ts'
export type { AdmissionOperation, Changeable, EvaluateCondition, Form, Reviewed, WebhookTransport } from './types.ts'
export { Webhooks, type WebhooksOptions } from './webhooks.ts'
