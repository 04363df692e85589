export { type Authenticated, type AuthenticateToken, createAuthenticateToken } from './authenticate.ts'
export { type AccountTokens, createAccountTokens } from './tokens.ts'
