/** Where expressions in CEL are checked. */
import { requiredValue } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'

/** An expression that must be there. Whether it can be compiled is not looked at here; whoever compiles adds it in this place. */
export function validateExpression(path: string, expression: string | undefined, detail = ''): FieldError[] {
  return expression?.trim() ? [] : [requiredValue(path, detail)]
}
