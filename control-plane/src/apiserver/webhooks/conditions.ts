/** Match conditions, and what expressions are told of a request: the same for webhooks and policies. */
import { type Question as AccessQuestion, Asking, Budget, celOf, type Expression } from '@davit/api/cel'
import type { AdmissionRequest, Authorize, Reviewed } from './types.ts'

/** What the conditions of one webhook or policy may cost together. */
const CONDITIONS_COST_MAX = 250_000

/** The variables that are the same for all who look at the request in this form. */
export interface Facts {
  readonly variables: Readonly<Record<string, unknown>>
  readonly asking: Asking
}

export function factsOf(request: Reviewed, question: AdmissionRequest, authorize: Authorize | undefined): Facts {
  const { object, oldObject, ...rest } = question
  const { group, resource } = question.resource
  const asking = new Asking({
    authorize: async asked => authorize?.(request.context.user, asked) ?? { allowed: false, error: 'nobody can be asked' },
    requestResource: {
      group,
      resource,
      ...(question.subResource !== undefined && { subresource: question.subResource }),
      ...(question.namespace !== undefined && { namespace: question.namespace }),
      ...(question.name !== undefined && { name: question.name }),
    } satisfies Partial<AccessQuestion>,
  })
  const variables = { object: celOf(object), oldObject: celOf(oldObject), request: celOf(rest), authorizer: asking.authorizer }
  return { variables, asking }
}

/** Whether all of them hold; one that does not decides, whatever is wrong with others. Throws Error when nobody can tell. */
export async function doHold(
  conditions: readonly { readonly name: string; readonly expression: Expression }[],
  facts: Facts,
): Promise<boolean> {
  const budget = new Budget(CONDITIONS_COST_MAX)
  const errors: string[] = []
  for (const { expression } of conditions) {
    try {
      if ((await facts.asking.settle(() => expression.evaluate(facts.variables, budget))) !== true) return false
    } catch (error) {
      errors.push((error as Error).message)
    }
  }
  if (errors.length > 0) throw new Error(errors.join(', '))
  return true
}
