/** Questions about who may do what: created, answered and never stored. */
import type { z } from 'zod'
import { requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { once } from '../../once.ts'
import { boolean, field, list, object, required, string, strings, stringsMap } from '../../schema/fields.ts'
import { labelSelectorRequirementSchema } from '../../schema/label-selector.ts'
import type { FieldError } from '../../status.ts'

export interface ResourceAttributes {
  namespace?: string
  verb?: string
  group?: string
  version?: string
  resource?: string
  subresource?: string
  name?: string
  fieldSelector?: SelectorAttributes
  labelSelector?: SelectorAttributes
}

export interface SelectorAttributes {
  rawSelector?: string
  requirements?: { key: string; operator: string; values?: string[] }[]
}

export interface NonResourceAttributes {
  path?: string
  verb?: string
}

export interface SubjectAccessReviewSpec {
  resourceAttributes?: ResourceAttributes
  nonResourceAttributes?: NonResourceAttributes
  user?: string
  groups?: string[]
  extra?: Record<string, string[]>
  uid?: string
}

export interface SubjectAccessReviewStatus {
  allowed: boolean
  denied?: boolean
  reason?: string
  evaluationError?: string
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/; its two siblings look alike. */
export interface SubjectAccessReview extends KubernetesObject {
  spec: SubjectAccessReviewSpec
  status?: SubjectAccessReviewStatus
}

export interface ResourceRule {
  verbs: string[]
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
}

export interface NonResourceRule {
  verbs: string[]
  nonResourceURLs?: string[]
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/ */
export interface SelfSubjectRulesReview extends KubernetesObject {
  spec: { namespace?: string }
  status?: { resourceRules: ResourceRule[]; nonResourceRules: NonResourceRule[]; incomplete: boolean; evaluationError?: string }
}

const common = { group: 'authorization.k8s.io', version: 'v1', columns: [], hasGeneration: false } as const

const fieldSelectorRequirement = once(() =>
  object('FieldSelectorRequirement', 'One demand on a field.', {
    key: required(string('The field.')),
    operator: required(string('In, NotIn, Exists or DoesNotExist.')),
    values: strings('What it is compared with.'),
  }),
)

const selector = (component: string, requirement: z.ZodObject, what: string) =>
  field(
    object(component, `Which ${what} a list or watch is limited to.`, {
      rawSelector: string('The selector as it stands in a request; not together with requirements.'),
      requirements: list(requirement, 'The selector, taken apart.'),
    }),
    `Which ${what} a list or watch is limited to.`,
  )

const resourceAttributes = once(() =>
  object('ResourceAttributes', 'What is to be done with a resource.', {
    namespace: string('Namespace; empty: all, or none for kinds of the whole cluster.'),
    verb: string('get, list, watch, create, update, patch, delete, deletecollection, or * for all.'),
    group: string('API group; * for all.'),
    version: string('API version; * for all.'),
    resource: string('Plural of the kind; * for all.'),
    subresource: string('The part of it.'),
    name: string('Name of the object; empty: all.'),
    fieldSelector: selector('FieldSelectorAttributes', fieldSelectorRequirement(), 'fields'),
    labelSelector: selector('LabelSelectorAttributes', labelSelectorRequirementSchema(), 'labels'),
  }),
)

const nonResourceAttributes = once(() =>
  object('NonResourceAttributes', 'What is to be done with a path that is no resource.', {
    path: string('The path.'),
    verb: string('The HTTP method in small letters.'),
  }),
)

const attributes = () => ({
  resourceAttributes: field(resourceAttributes(), 'What is to be done with a resource.'),
  nonResourceAttributes: field(nonResourceAttributes(), 'What is to be done with a path that is no resource.'),
})

const verdict = once(() =>
  object('SubjectAccessReviewStatus', 'The verdict.', {
    allowed: required(boolean('Whether it is allowed.')),
    denied: boolean('Whether it is forbidden, rather than not allowed by anybody.'),
    reason: string('Why.'),
    evaluationError: string('What went wrong while judging.'),
  }),
)

const status = () => field(verdict(), 'The verdict.')

const specOfSubject = once(() =>
  object('SubjectAccessReviewSpec', 'Who, and what.', {
    ...attributes(),
    user: string('Name of the user.'),
    groups: strings('Groups of the user.'),
    extra: stringsMap('What else is known of the user.'),
    uid: string('Identity of the user in time.'),
  }),
)

/** One of both must be there. */
function attributeErrors({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const detail = 'cannot be specified in combination with resourceAttributes'
    return [{ type: 'Invalid', field: 'spec.nonResourceAttributes', value: nonResourceAttributes, detail }]
  }
  if (resourceAttributes || nonResourceAttributes) return []
  return [
    {
      type: 'Invalid',
      field: 'spec.resourceAttributes',
      value: null,
      detail: 'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    },
  ]
}

function subjectErrors({ user, groups }: SubjectAccessReviewSpec): FieldError[] {
  if (user || groups?.length) return []
  return [{ type: 'Invalid', field: 'spec.user', value: '', detail: 'at least one of user or group must be specified' }]
}

/** Whether some user may do something. */
export const subjectAccessReviewKind = defineKind<SubjectAccessReview>({
  ...common,
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  namespaced: false,
  verbs: ['create'],
  description: 'Asks whether a user may do something.',
  schema: () =>
    object('SubjectAccessReview', 'Asks whether a user may do something.', {
      spec: required(field(specOfSubject(), 'Who, and what.')),
      status: status(),
    }),
  validate: ({ spec }) => [...attributeErrors(spec ?? {}), ...subjectErrors(spec ?? {})],
})

/** The same in one namespace. */
export const localSubjectAccessReviewKind = defineKind<SubjectAccessReview>({
  ...common,
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  namespaced: true,
  verbs: ['create'],
  description: 'Asks whether a user may do something in this namespace.',
  schema: () =>
    object('LocalSubjectAccessReview', 'Asks whether a user may do something in this namespace.', {
      spec: required(field(specOfSubject(), 'Who, and what.')),
      status: status(),
    }),
  validate: ({ spec, metadata }) => {
    const { resourceAttributes, nonResourceAttributes } = spec ?? {}
    const errors = [...attributeErrors(spec ?? {}), ...subjectErrors(spec ?? {})]
    if (resourceAttributes && resourceAttributes.namespace !== metadata.namespace) {
      const value = resourceAttributes.namespace ?? ''
      errors.push({ type: 'Invalid', field: 'spec.resourceAttributes.namespace', value, detail: 'must match metadata.namespace' })
    }
    if (nonResourceAttributes) {
      const detail = 'disallowed on this kind of request'
      errors.push({ type: 'Invalid', field: 'spec.nonResourceAttributes', value: nonResourceAttributes, detail })
    }
    return errors
  },
})

/** Whether the asker may do something. */
export const selfSubjectAccessReviewKind = defineKind<SubjectAccessReview>({
  ...common,
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
  verbs: ['create'],
  description: 'Asks whether the asker may do something.',
  schema: () =>
    object('SelfSubjectAccessReview', 'Asks whether the asker may do something.', {
      spec: required(field(object('SelfSubjectAccessReviewSpec', 'What.', attributes()), 'What.')),
      status: status(),
    }),
  validate: ({ spec }) => attributeErrors(spec ?? {}),
})

/** Everything the asker may do in a namespace. */
export const selfSubjectRulesReviewKind = defineKind<SelfSubjectRulesReview>({
  ...common,
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  namespaced: false,
  verbs: ['create'],
  description: 'Asks what the asker may do in a namespace.',
  schema: () =>
    object('SelfSubjectRulesReview', 'Asks what the asker may do in a namespace.', {
      spec: required(field(object('SelfSubjectRulesReviewSpec', 'Where.', { namespace: string('The namespace; required.') }), 'Where.')),
      status: field(
        object('SubjectRulesReviewStatus', 'What the asker may do.', {
          resourceRules: required(
            list(
              object('ResourceRule', 'Verbs that are allowed on resources.', {
                verbs: required(strings('The verbs; * for all.')),
                apiGroups: strings('API groups; * for all.'),
                resources: strings('Plurals; * for all.'),
                resourceNames: strings('Only objects of these names; empty: all.'),
              }),
              'Rights on resources, in no order.',
            ),
          ),
          nonResourceRules: required(
            list(
              object('NonResourceRule', 'Verbs that are allowed on paths.', {
                verbs: required(strings('The verbs; * for all.')),
                nonResourceURLs: strings('The paths; a * at the end stands for all that follow.'),
              }),
              'Rights on paths, in no order.',
            ),
          ),
          incomplete: required(boolean('Whether there may be more.')),
          evaluationError: string('Why there may be more.'),
        }),
        'What the asker may do.',
      ),
    }),
  validate: ({ spec }) => (spec?.namespace ? [] : [requiredValue('spec.namespace')]),
})
