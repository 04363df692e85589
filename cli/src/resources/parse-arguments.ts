/** What kubectl's commands take as resources: `pods`, `po,svc`, `pod/x deploy/y`, `pods a b`. */

export type ResourceArguments =
  | { form: 'none' }
  /** Types without names; each may also be a category such as `all`. */
  | { form: 'types'; types: string[] }
  /** Each type with each name. */
  | { form: 'named'; types: string[]; names: string[] }
  | { form: 'pairs'; pairs: { type: string; name: string }[] }

/** Throws in kubectl's words when the forms are mixed. */
export function parseResourceArguments(args: readonly string[]): ResourceArguments {
  const [first, ...rest] = args
  if (first === undefined) return { form: 'none' }
  if (!args.some(arg => arg.includes('/'))) {
    const types = unique(first.split(',').map(type => type.trim()))
    if (types.includes('')) throw new Error(`arguments must consist of a resource type or comma-separated list of types`)
    return rest.length === 0 ? { form: 'types', types } : { form: 'named', types, names: unique(rest) }
  }
  const pairs = args.map(arg => {
    const [type = '', name = '', ...more] = arg.split('/')
    if (!arg.includes('/')) {
      throw new Error(
        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'davit get resource/<resource_name>' instead of 'davit get resource resource/<resource_name>'",
      )
    }
    if (more.length > 0) throw new Error('arguments in resource/name form may not have more than one slash')
    if (type.includes(',') || !type || !name) throw new Error('arguments in resource/name form must have a single resource and name')
    return { type, name }
  })
  return { form: 'pairs', pairs }
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
