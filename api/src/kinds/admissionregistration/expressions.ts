/** Expressions in CEL of webhooks and policies: what they may speak of, and what is wrong with them before they run. */
import { type CelEnvironment, type CelType, celEnvironment, type Expression } from '../../cel/index.ts'
import { invalidValue, requiredValue } from '../../field-errors.ts'
import { once } from '../../once.ts'
import type { FieldError } from '../../status.ts'

const GROUP_VERSION = { group: 'string', version: 'string' } as const
const KIND = { fields: { ...GROUP_VERSION, kind: 'string' } }
const RESOURCE = { fields: { ...GROUP_VERSION, resource: 'string' } }
const USER = { fields: { username: 'string', uid: 'string', groups: { list: 'string' }, extra: { map: { list: 'string' } } } }

const REQUEST: CelType = {
  fields: {
    uid: 'string',
    kind: KIND,
    resource: RESOURCE,
    subResource: 'string',
    requestKind: KIND,
    requestResource: RESOURCE,
    requestSubResource: 'string',
    name: 'string',
    namespace: 'string',
    operation: 'string',
    userInfo: USER,
    dryRun: 'bool',
    options: 'dyn',
  },
}

const OF_REQUEST = { object: 'dyn', oldObject: 'dyn', request: REQUEST, authorizer: 'authorizer' } as const

/** What match conditions of webhooks speak of. */
export const conditionEnvironment = once(() => celEnvironment(OF_REQUEST))

/** The same for policies; `variables` are those that are there already. */
export function policyEnvironment(
  variables: Readonly<Record<string, CelType>>,
  { hasParams, hasLiterals }: { hasParams: boolean; hasLiterals: boolean },
): CelEnvironment {
  const all = { ...OF_REQUEST, namespaceObject: 'dyn', variables: { fields: variables }, ...(hasParams && { params: 'dyn' }) }
  return celEnvironment(all, { hasLiterals })
}

/** How an expression is checked where it stands: it has one of these types, or shows it only when it runs. */
export interface Wanted {
  readonly environment: () => CelEnvironment
  readonly types: readonly string[]
  /** Names of the same that the library has; those of `types` if absent. */
  readonly spelled?: readonly string[]
  readonly ofAnyType?: boolean
  /** What to say where it is missing. */
  readonly missing?: string
}

/** The expression, unless there is something wrong with it. */
export function compiled(
  path: string,
  text: string | undefined,
  { environment, types, spelled = types, ofAnyType, missing = '' }: Wanted,
): Expression | FieldError[] {
  if (!text?.trim()) return [requiredValue(path, missing)]
  try {
    const expression = environment().compile(text)
    if (ofAnyType || expression.type === 'dyn' || spelled.includes(expression.type)) return expression
    return [
      invalidValue(path, text, types.length === 1 ? `must evaluate to ${types.join()}` : `must evaluate to one of [${types.join(' ')}]`),
    ]
  } catch (error) {
    return [invalidValue(path, text, `compilation failed: ${(error as Error).message}`)]
  }
}

/** What is wrong with the expression. */
export function validateExpression(path: string, text: string | undefined, wanted: Wanted): FieldError[] {
  const outcome = compiled(path, text, wanted)
  return Array.isArray(outcome) ? outcome : []
}

/** Words that CEL keeps for itself. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)

/** Whether a variable may have the name. */
export function isIdentifier(name: string): boolean {
  return /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !RESERVED.has(name)
}
