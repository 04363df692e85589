export { type FollowedDefinitions, followDefinitions } from './follow.ts'
