import { checkDepth, isObject, type JsonObject, own, put, withoutNulls } from './json.ts'

/** RFC 7386. Gives a new value that may share parts with both arguments. Throws BadRequest for one nested too deep. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  checkDepth(patch)
  return merge(target, patch)
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  if (!isObject(target)) return withoutNulls(patch)
  const merged: JsonObject = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else put(merged, key, merge(own(target, key), value))
  }
  return merged
}
