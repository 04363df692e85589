/** Questions about who somebody is: created, answered and never stored. */
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { boolean, field, object, required, string, strings, stringsMap } from '../../schema/fields.ts'

/** Who a request is from, as reviews tell it. */
export interface UserInfo {
  username?: string
  uid?: string
  groups?: string[]
  extra?: Record<string, string[]>
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ */
export interface TokenReview extends KubernetesObject {
  spec: { token?: string; audiences?: string[] }
  status?: { authenticated?: boolean; user?: UserInfo; audiences?: string[]; error?: string }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/ */
export interface SelfSubjectReview extends KubernetesObject {
  status?: { userInfo?: UserInfo }
}

const common = { group: 'authentication.k8s.io', version: 'v1', namespaced: false, columns: [], hasGeneration: false } as const

const userInfo = () =>
  object('UserInfo', 'Who somebody is.', {
    username: string('Name of the user.'),
    uid: string('Identity of the user in time.'),
    groups: strings('Groups of the user.'),
    extra: stringsMap('What else is known of the user.'),
  })

/** Whose token it is. */
export const tokenReviewKind = defineKind<TokenReview>({
  ...common,
  kind: 'TokenReview',
  plural: 'tokenreviews',
  verbs: ['create'],
  description: 'Asks whose token it is.',
  schema: () =>
    object('TokenReview', 'Asks whose token it is.', {
      spec: required(
        field(
          object('TokenReviewSpec', 'The token.', {
            token: string('The token.'),
            audiences: strings('The token must be meant for one of them; empty: for the API server.'),
          }),
          'The token.',
        ),
      ),
      status: field(
        object('TokenReviewStatus', 'Whose it is.', {
          authenticated: boolean('Whether the token is good.'),
          user: field(userInfo(), 'Whose it is.'),
          audiences: strings('Those of the audiences asked for that the token is meant for.'),
          error: string('Why it is not good.'),
        }),
        'Whose it is.',
      ),
    }),
})

/** Who asks. */
export const selfSubjectReviewKind = defineKind<SelfSubjectReview>({
  ...common,
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  verbs: ['create'],
  description: 'Asks who the asker is.',
  schema: () =>
    object('SelfSubjectReview', 'Asks who the asker is.', {
      status: field(
        object('SelfSubjectReviewStatus', 'Who the asker is.', { userInfo: field(userInfo(), 'Who the asker is.') }),
        'Who the asker is.',
      ),
    }),
})
