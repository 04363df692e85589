export { type Authenticated, type AuthenticateToken, createAuthenticateToken } from './authenticate.ts'
export { withBootstrapTokens } from './bootstrap-tokens.ts'
export { type AccountTokens, createAccountTokens } from './tokens.ts'
