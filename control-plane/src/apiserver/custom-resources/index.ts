export { type AskWebhook, conversionByWebhook } from './conversion.ts'
export { type FollowedDefinitions, followDefinitions } from './follow.ts'
