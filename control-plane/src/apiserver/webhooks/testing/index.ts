/** For tests only: a webhook over real TLS. */

export { startTestWebhook, type TestWebhook, type WebhookAnswer } from './webhook-server.ts'
