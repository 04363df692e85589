/** Components that no kind's schema has: what answers are made of besides objects. */
import type { OpenApiSchema } from './components.ts'
import { META_PREFIX } from './names.ts'

export const LIST_META = `${META_PREFIX}ListMeta`
export const STATUS = `${META_PREFIX}Status`
export const DELETE_OPTIONS = `${META_PREFIX}DeleteOptions`
const STATUS_DETAILS = `${META_PREFIX}StatusDetails`
const STATUS_CAUSE = `${META_PREFIX}StatusCause`

/** By name; made anew on each call, for the caller to add to. */
export function commonComponents(): Record<string, OpenApiSchema> {
  return {
    [LIST_META]: object('What every list has.', {
      continue: text('Token with which the rest of the list is asked for; empty at its end.'),
      remainingItemCount: whole('int64', 'How many items are left; absent when it is not known.'),
      resourceVersion: text('Version of the whole list, from which it can be watched.'),
      selfLink: text('Obsolete; always empty.'),
    }),
    [STATUS]: {
      ...object('Answer to a request that gives no object.', {
        apiVersion: text('v1.'),
        kind: text('Status.'),
        metadata: { description: 'Empty, or that of a list.', allOf: [reference(LIST_META)] },
        status: text('Success or Failure.'),
        message: text('What happened, in words for people.'),
        reason: text('Why it failed, in one CamelCase word for programs.'),
        details: { description: 'More about it, by reason.', allOf: [reference(STATUS_DETAILS)] },
        code: whole('int32', 'Suggested HTTP code.'),
      }),
      'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
    },
    [STATUS_DETAILS]: object('More about a Status.', {
      name: text('Name of the object.'),
      group: text('Group of the object.'),
      kind: text('Kind of the object, or its plural.'),
      uid: text('Uid of the object.'),
      causes: {
        type: 'array',
        items: reference(STATUS_CAUSE),
        'x-kubernetes-list-type': 'atomic',
        description: 'Each thing that was wrong.',
      },
      retryAfterSeconds: whole('int32', 'Seconds after which to ask again.'),
    }),
    [STATUS_CAUSE]: object('One thing that was wrong.', {
      reason: text('What is wrong, in one CamelCase word for programs.'),
      message: text('What is wrong, in words for people.'),
      field: text('The field, such as `spec.containers[0].image`.'),
    }),
  }
}

function object(description: string, properties: Record<string, OpenApiSchema>): OpenApiSchema {
  return { description, type: 'object', properties }
}

function text(description: string): OpenApiSchema {
  return { type: 'string', description }
}

function whole(format: 'int32' | 'int64', description: string): OpenApiSchema {
  return { type: 'integer', format, description }
}

function reference(component: string): OpenApiSchema {
  return { $ref: `#/components/schemas/${component}` }
}
