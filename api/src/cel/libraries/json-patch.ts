import type { Environment } from '@marcbachmann/cel-js'

/** What `jsonpatch.escapeKey` belongs to. */
class JsonPatchFunctions {}

/** What paths of JSON patches need. */
export function withJsonPatch(environment: Environment): Environment {
  const type = 'kubernetes.JSONPatchFunctions'
  return environment
    .registerType(type, { ctor: JsonPatchFunctions, fields: {} })
    .registerConstant('jsonpatch', type, new JsonPatchFunctions())
    .registerFunction(`${type}.escapeKey(string): string`, (_: JsonPatchFunctions, key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    )
}
