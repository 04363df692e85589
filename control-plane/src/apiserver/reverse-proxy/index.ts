export { type Backend, type Forwarding, forwardRequest } from './forward-request.ts'
export { type ClientConnection, forwardUpgrade } from './forward-upgrade.ts'
export { rewriting } from './rewriting.ts'
