/**
 * CEL as Kubernetes speaks it, for whoever has expressions of users: rules in schemas of CustomResourceDefinitions, match conditions of
 * webhooks, admission policies.
 *
 * ```ts
 * const environment = celEnvironment({ object: 'dyn', request: { fields: { userInfo: 'dyn', operation: 'string' } } })
 * const expression = environment.compile('object.spec.replicas < 5')   // throws CompileError: `ERROR: <input>:1:1: undeclared …`
 * expression.type                                                       // 'bool', or 'dyn' when that shows only when it runs
 * expression.evaluate({ object: celOf(deployment), … }, new Budget(1_000_000))
 * ```
 *
 * - An environment declares variables once, is made once and kept; `compile` remembers what it compiled. A declared type is a name (`dyn`,
 *   `string`, `bool`, `int`, `map`, `list<string>`, `authorizer`, …), `{ list }`, `{ map }`, `{ optional }`, or `{ fields }`: an object with
 *   exactly those fields, others are compile errors (`undefined field`). Types are for compiling only; values are looked at as they come.
 * - Values are CEL's: whole numbers are bigints, objects plain. `celOf` makes them of JSON; `lazyFields` makes an object whose fields are
 *   evaluated when they are first looked at (`variables` of a policy). A declared variable that is not given is an error when it is read.
 * - `evaluate` is synchronous. It throws Error in Kubernetes' words for what cannot be evaluated (`no such key: name`), and CostError when
 *   the budget is used up, which is for the caller to tell from the others: one `Budget` may serve many evaluations. A unit is about one
 *   node of an expression, a tenth of a value's text or elements, or as much of a regular expression; a million are well below a second.
 * - With `hasLiterals` expressions make objects by the name of their type, as mutating policies do: `Object.spec{replicas: 1}`, `JSONPatch{…}`.
 *   They are plain objects whose name `literalType` tells; `jsonOf` makes JSON of any value and throws where a name is not that of its place.
 * - `authorizer` asks the cluster, which takes time: `new Asking({ authorize, requestResource })` gives `asking.authorizer` as a value, and
 *   `await asking.settle(() => expression.evaluate(…))` runs the evaluation again until every question it asked has its answer.
 */
export { Asking } from './asking.ts'
export { Budget, CostError } from './budget.ts'
export { CompileError } from './compile-error.ts'
export {
  type CelEnvironment,
  type CelFamily,
  type CelOptions,
  type CelType,
  celEnvironment,
  celFamily,
  type Expression,
  optionalValue,
} from './environment.ts'
export { jsonOf } from './json.ts'
export { literalType } from './literals.ts'
export type { Question, Verdict } from './question.ts'
export { celOf, lazyFields } from './values.ts'
