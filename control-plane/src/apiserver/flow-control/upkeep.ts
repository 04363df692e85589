/** What API servers keep of flow control's objects: those every cluster has, and whether a schema's level is there. Pure. */
import {
  type Condition,
  type FlowSchema,
  MANDATORY_FLOW_SCHEMAS,
  MANDATORY_PRIORITY_LEVELS,
  type PriorityLevelConfiguration,
} from '@davit/api'
import { SUGGESTED_FLOW_SCHEMAS, SUGGESTED_PRIORITY_LEVELS } from './suggested.ts'

export type Action =
  | { readonly kind: 'create-level'; readonly level: PriorityLevelConfiguration }
  | { readonly kind: 'create-schema'; readonly schema: FlowSchema }
  | { readonly kind: 'write-status'; readonly schema: FlowSchema; readonly condition: Condition }

const LEVELS = [...MANDATORY_PRIORITY_LEVELS, ...SUGGESTED_PRIORITY_LEVELS]
const SCHEMAS = [...MANDATORY_FLOW_SCHEMAS, ...SUGGESTED_FLOW_SCHEMAS]

export interface Observed {
  readonly schemas: readonly FlowSchema[]
  readonly levels: readonly PriorityLevelConfiguration[]
}

/** `time`: of conditions that change now. Levels first, so that no schema is without its own. */
export function planUpkeep({ schemas, levels }: Observed, time: string): Action[] {
  const found = new Set(levels.map(({ metadata: { name } }) => name))
  const known = new Set(schemas.map(({ metadata: { name } }) => name))
  return [
    ...LEVELS.filter(({ metadata: { name } }) => !found.has(name)).map(level => ({ kind: 'create-level' as const, level })),
    ...SCHEMAS.filter(({ metadata: { name } }) => !known.has(name)).map(schema => ({ kind: 'create-schema' as const, schema })),
    ...schemas.flatMap(schema => statusOf(schema, found, time)),
  ]
}

function statusOf(schema: FlowSchema, levels: ReadonlySet<string | undefined>, lastTransitionTime: string): Action[] {
  if (schema.metadata.deletionTimestamp) return []
  const level = schema.spec?.priorityLevelConfiguration?.name ?? ''
  const isThere = levels.has(level)
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`
  const verdict = isThere
    ? { status: 'False' as const, reason: 'Found', message: `${about} and it exists` }
    : { status: 'True' as const, reason: 'NotFound', message: `${about} but there is no such object` }
  const present = schema.status?.conditions?.find(({ type }) => type === 'Dangling')
  if (present?.status === verdict.status && present.reason === verdict.reason && present.message === verdict.message) return []
  return [{ kind: 'write-status', schema, condition: { type: 'Dangling', ...verdict, lastTransitionTime } }]
}
