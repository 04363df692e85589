import { defineKind } from '../../kind.ts'
import type { KubernetesObject, Time } from '../../meta.ts'
import { field, int64, object, required, string, strings, time } from '../../schema/fields.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ */
export interface TokenRequest extends KubernetesObject {
  spec: TokenRequestSpec
  status?: TokenRequestStatus
}

export interface TokenRequestSpec {
  /** Empty: the API server's own. */
  audiences?: string[]
  /** Default 3600. */
  expirationSeconds?: number
  /** The token is good as long as this object is there. */
  boundObjectRef?: BoundObjectReference
}

export interface BoundObjectReference {
  kind?: string
  apiVersion?: string
  name?: string
  uid?: string
}

export interface TokenRequestStatus {
  token: string
  expirationTimestamp: Time
}

/** Asks for a token of a ServiceAccount: the body of its subresource `token`, never stored. */
export const tokenRequestKind = defineKind<TokenRequest>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  namespaced: true,
  verbs: ['create'],
  columns: [],
  hasGeneration: false,
  description: 'Asks for a token of a ServiceAccount.',
  schema: () =>
    object('TokenRequest', 'Asks for a token of a ServiceAccount.', {
      spec: required(
        field(
          object('TokenRequestSpec', 'The token that is wanted.', {
            audiences: strings('Who may accept the token; empty: the API server.'),
            expirationSeconds: int64('How long it is good; the answer says how long it is.'),
            boundObjectRef: field(
              object('BoundObjectReference', 'An object whose end is the end of the token.', {
                kind: string('Pod, Secret or Node.'),
                apiVersion: string('API version of the object.'),
                name: string('Name of the object.'),
                uid: string('Uid of the object.'),
              }),
              'The token is good as long as this object is there.',
            ),
          }),
          'The token that is wanted.',
        ),
      ),
      status: field(
        object('TokenRequestStatus', 'The token.', {
          token: string('The token.'),
          expirationTimestamp: time('When to have asked for the next.'),
        }),
        'The token.',
      ),
    }),
  applyDefaults: ({ spec }) => {
    if (spec) spec.expirationSeconds ??= 3600
  },
  validate: ({ spec }) => {
    const seconds = spec?.expirationSeconds ?? EXPIRATION_SECONDS_MIN
    if (seconds < EXPIRATION_SECONDS_MIN) return [expirationError(seconds, 'may not specify a duration less than 10 minutes')]
    if (seconds > EXPIRATION_SECONDS_MAX) return [expirationError(seconds, 'may not specify a duration larger than 2^32 seconds')]
    return []
  },
})

const EXPIRATION_SECONDS_MIN = 600
const EXPIRATION_SECONDS_MAX = 2 ** 32

function expirationError(value: number, detail: string) {
  return { type: 'Invalid', field: 'spec.expirationSeconds', value, detail } as const
}
