/** ServiceAccount tokens as JWTs: signed, read, and nothing looked up. */
import { createHash } from 'node:crypto'
import type { Clock } from '@davit/api'
import { createLocalJWKSet, errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { TokenClaims, TokenSigner } from '../registry/index.ts'
import { type AccountKeys, readAccountKeys, TOKEN_ALGORITHM } from './keys.ts'

/** Who signs, and whom tokens are for that name nobody. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local'

/** Clocks of replicas differ. */
const CLOCK_TOLERANCE_SECONDS = 10
const VERIFIED_MAX = 2000

const reference = z.object({ name: z.string(), uid: z.string() })
const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]).transform(audiences => [audiences].flat()),
  exp: z.number(),
  iat: z.number(),
  nbf: z.number(),
  jti: z.string(),
  'kubernetes.io': z.object({
    namespace: z.string(),
    serviceaccount: reference,
    pod: reference.optional(),
    secret: reference.optional(),
    node: z.object({ name: z.string(), uid: z.string().optional() }).optional(),
    warnafter: z.number().optional(),
  }),
})

export interface AccountTokens extends TokenSigner {
  /** The claims of a token that we signed and that is in its time; a text says why it is none. For whom it is meant is not judged. */
  read(token: string): Promise<TokenClaims | string>
  /** `/.well-known/openid-configuration` and `/openid/v1/jwks`. */
  readonly openId: { readonly configuration: object; readonly keys: object }
}

/** `pem`: the signing key, and others that are trusted. Throws as `readAccountKeys`. */
export async function createAccountTokens(pem: string, clock: Clock): Promise<AccountTokens> {
  const keys = await readAccountKeys(pem)
  const keySet = createLocalJWKSet(keys.published)
  // A signature stays what it is: only the time is judged anew.
  const verified = new Map<string, TokenClaims>()

  const verify = async (token: string): Promise<TokenClaims | string> => {
    try {
      const options = {
        issuer: ISSUER,
        algorithms: [TOKEN_ALGORITHM],
        currentDate: new Date(clock.now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      }
      const { payload } = await jwtVerify(token, keySet, options)
      const claims = claimsSchema.safeParse(payload)
      return claims.success ? (claims.data as TokenClaims) : 'service account token has claims of another form'
    } catch (err) {
      if (err instanceof errors.JWTExpired) return 'service account token has expired'
      if (err instanceof errors.JOSEError) return `invalid bearer token: ${err.message}`
      throw err
    }
  }

  return {
    issuer: ISSUER,
    audiences: [ISSUER],
    sign: claims => sign(keys, claims),
    read: async token => {
      const hash = createHash('sha256').update(token).digest('base64')
      const known = verified.get(hash)
      if (known && isInTime(known, clock)) return known
      const claims = await verify(token)
      if (typeof claims === 'string') return claims
      verified.set(hash, claims)
      const oldest = verified.keys().next()
      if (verified.size > VERIFIED_MAX && !oldest.done) verified.delete(oldest.value)
      return claims
    },
    openId: {
      configuration: {
        issuer: ISSUER,
        jwks_uri: `${ISSUER}/openid/v1/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [TOKEN_ALGORITHM],
      },
      keys: keys.published,
    },
  }
}

function sign({ signing }: AccountKeys, claims: TokenClaims): Promise<string> {
  return new SignJWT({ ...claims, aud: [...claims.aud] }).setProtectedHeader({ alg: TOKEN_ALGORITHM, kid: signing.id }).sign(signing.key)
}

function isInTime({ exp, nbf }: TokenClaims, clock: Clock): boolean {
  const now = Math.floor(clock.now() / 1000)
  return now < exp + CLOCK_TOLERANCE_SECONDS && now >= nbf - CLOCK_TOLERANCE_SECONDS
}
