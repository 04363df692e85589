/** What makes a schema structural, and what keywords may say: in Kubernetes' words. */
import { forbiddenField, invalidValue, requiredValue, unsupportedValue } from '../../../field-errors.ts'
import { compilePattern } from '../../../pattern.ts'
import { type FieldError, fieldErrorBody } from '../../../status.ts'
import { applySchemaDefaults } from './defaults.ts'
import { additionalOf, isEmbedded, isIntOrString, isObject, type JsonSchema, preservesUnknown, propertyOf } from './json-schema.ts'
import { prune } from './prune.ts'
import { validateValue } from './validate.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const UNSUPPORTED = ['$ref', 'additionalItems', 'definitions', 'dependencies', 'id', 'patternProperties'] as const
/** What belongs to the schema itself, and to none of its alternatives. */
const NOT_IN_JUNCTORS = [
  'description',
  'type',
  'title',
  'default',
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
] as const

/** Everything wrong with the schema of a version; `path` is its own. */
export function validateStructural(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (!schema.type) errors.push(requiredValue(`${path}.type`, 'must not be empty at the root'))
  else if (schema.type !== 'object') errors.push(invalidValue(`${path}.type`, schema.type, 'must be object at the root'))
  if (schema.nullable) errors.push(forbiddenField(`${path}.nullable`, 'nullable cannot be true at the root'))
  const metadata = propertyOf(schema, 'metadata')
  if (metadata) errors.push(...validateMetadata(metadata, `${path}.properties[metadata]`))
  visit(schema, path, errors)
  return errors
}

function visit(schema: JsonSchema, path: string, errors: FieldError[]): void {
  errors.push(...validateOwn(schema, path), ...validateLists(schema, path), ...validateDefault(schema, path))
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [i, part] of (schema[name] ?? []).entries()) visitJunctor(part, schema, `${path}.${name}[${i}]`, path, errors)
  }
  if (schema.not) visitJunctor(schema.not, schema, `${path}.not`, path, errors)
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const at = `${path}.properties[${name}]`
    if (isTypeMissing(property)) errors.push(requiredValue(`${at}.type`, 'must not be empty for specified object fields'))
    visit(property, at, errors)
  }
  const additional = additionalOf(schema)
  if (additional) {
    const at = `${path}.additionalProperties`
    if (isTypeMissing(additional)) errors.push(requiredValue(`${at}.type`, 'must not be empty for specified object fields'))
    visit(additional, at, errors)
  }
  if (schema.items) {
    const at = `${path}.items`
    if (isTypeMissing(schema.items)) errors.push(requiredValue(`${at}.type`, 'must not be empty for specified array items'))
    visit(schema.items, at, errors)
  } else if (schema.type === 'array' && !preservesUnknown(schema)) errors.push(requiredValue(`${path}.items`, 'must be specified'))
}

function isTypeMissing(schema: JsonSchema): boolean {
  return !schema.type && !isIntOrString(schema) && !preservesUnknown(schema)
}

function validateOwn(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = UNSUPPORTED.flatMap(name =>
    schema[name] === undefined ? [] : [forbiddenField(`${path}.${name}`, `${name} is not supported`)],
  )
  const { type, properties, additionalProperties, pattern, required } = schema
  if (type && !TYPES.includes(type)) errors.push(unsupportedValue(`${path}.type`, type, TYPES))
  if (schema.uniqueItems) {
    errors.push(forbiddenField(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'))
  }
  if (additionalProperties === false)
    errors.push(forbiddenField(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'))
  if (properties && Object.keys(properties).length > 0 && additionalProperties !== undefined && additionalProperties !== false) {
    errors.push(forbiddenField(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
  }
  if (pattern !== undefined) errors.push(...validatePattern(pattern, path))
  if (isIntOrString(schema) && type) errors.push(invalidValue(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true'))
  if (preservesUnknown(schema) && type && type !== 'object' && type !== 'array') {
    errors.push(invalidValue(`${path}.type`, type, 'must be object or array if x-kubernetes-preserve-unknown-fields is true'))
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
  }
  if (isEmbedded(schema)) errors.push(...validateEmbeddedSchema(schema, path))
  const repeated = required?.find((name, i) => required.indexOf(name) < i)
  if (repeated !== undefined) errors.push(invalidValue(`${path}.required`, required, `duplicate entry ${JSON.stringify(repeated)}`))
  return errors
}

function validatePattern(pattern: string, path: string): FieldError[] {
  try {
    compilePattern(pattern)
    return []
  } catch (error) {
    return [invalidValue(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${(error as Error).message}`)]
  }
}

function validateEmbeddedSchema(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (schema.type !== 'object') {
    errors.push(invalidValue(`${path}.type`, schema.type ?? '', 'must be object if x-kubernetes-embedded-resource is true'))
  }
  if (Object.keys(schema.properties ?? {}).length === 0 && !preservesUnknown(schema)) {
    const why = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(requiredValue(`${path}.properties`, why))
  }
  const metadata = propertyOf(schema, 'metadata')
  return metadata ? [...errors, ...validateMetadata(metadata, `${path}.properties[metadata]`)] : errors
}

/** Metadata is what it is everywhere; only names may be narrowed. */
function validateMetadata({ type, properties = {}, ...rest }: JsonSchema, path: string): FieldError[] {
  const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
  if (type !== 'object') return [invalidValue(`${path}.type`, type ?? '', 'must be object')]
  const { description: _, ...more } = rest
  const isRight = Object.keys(more).length === 0 && Object.keys(properties).every(name => name === 'name' || name === 'generateName')
  return isRight ? [] : [forbiddenField(path, why)]
}

function validateLists(schema: JsonSchema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  const mapType = schema['x-kubernetes-map-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const errors: FieldError[] = []
  if (mapType !== undefined) {
    const known = ['atomic', 'granular']
    if (!known.includes(mapType)) errors.push(unsupportedValue(`${path}.x-kubernetes-map-type`, mapType, known))
    if (schema.type !== 'object')
      errors.push(invalidValue(`${path}.type`, schema.type ?? '', 'must be object if x-kubernetes-map-type is specified'))
  }
  if (keys.length > 0 && listType !== 'map') {
    errors.push(invalidValue(`${path}.x-kubernetes-list-type`, listType ?? '', 'must be map if x-kubernetes-list-map-keys is non-empty'))
  }
  if (listType === undefined) return errors
  const known = ['atomic', 'map', 'set']
  if (!known.includes(listType)) errors.push(unsupportedValue(`${path}.x-kubernetes-list-type`, listType, known))
  if (schema.type !== 'array')
    errors.push(invalidValue(`${path}.type`, schema.type ?? '', 'must be array if x-kubernetes-list-type is specified'))
  if (listType === 'map') errors.push(...validateKeys(schema, keys, path))
  if (listType === 'set' && schema.items) {
    const { items } = schema
    if (items.nullable) errors.push(forbiddenField(`${path}.items.nullable`, 'cannot be nullable when x-kubernetes-list-type is set'))
    if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
      errors.push(
        invalidValue(
          `${path}.items.x-kubernetes-map-type`,
          items['x-kubernetes-map-type'] ?? '',
          'must be atomic as item of a list with x-kubernetes-list-type=set',
        ),
      )
    }
    if (items.type === 'array' && (items['x-kubernetes-list-type'] ?? 'atomic') !== 'atomic') {
      errors.push(
        invalidValue(
          `${path}.items.x-kubernetes-list-type`,
          items['x-kubernetes-list-type'],
          'must be atomic as item of a list with x-kubernetes-list-type=set',
        ),
      )
    }
  }
  return errors
}

function validateKeys({ items }: JsonSchema, keys: readonly string[], path: string): FieldError[] {
  const field = `${path}.x-kubernetes-list-map-keys`
  if (keys.length === 0) return [requiredValue(field, 'must not be empty if x-kubernetes-list-type is map')]
  if (items?.type !== 'object') {
    return [invalidValue(`${path}.items.type`, items?.type ?? '', "must be object if parent array's x-kubernetes-list-type is map")]
  }
  return keys.flatMap((key, i): FieldError[] => {
    if (keys.indexOf(key) < i) return [{ type: 'Duplicate', field: `${field}[${i}]`, value: key }]
    const property = propertyOf(items, key)
    if (!property) return [invalidValue(`${field}[${i}]`, key, 'entries must all be names of item properties')]
    const at = `${path}.items.properties[${key}]`
    if (property.type === 'array' || property.type === 'object') {
      return [invalidValue(`${at}.type`, property.type, "must be a scalar type if parent array's x-kubernetes-list-type is map")]
    }
    const isThere = property.default !== undefined || items.required?.includes(key)
    const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
    return isThere ? [] : [requiredValue(`${at}.default`, why)]
  })
}

/** A default must be what the schema itself would let pass, unchanged. */
function validateDefault(schema: JsonSchema, path: string): FieldError[] {
  if (schema.default === undefined) return []
  const field = `${path}.default`
  const value = structuredClone(schema.default)
  if (prune(schema, value, isEmbedded(schema)).length > 0) return [invalidValue(field, schema.default, 'must not have unknown fields')]
  if (isObject(value) || Array.isArray(value)) applySchemaDefaults(schema, value)
  return validateValue(schema, value).map(error =>
    invalidValue(join(field, error.field), error.value, error.detail ?? fieldErrorBody(error)),
  )
}

function join(path: string, field: string): string {
  return field === '' || field === '<nil>' ? path : `${path}.${field}`
}

function visitJunctor(part: JsonSchema, outer: JsonSchema, path: string, outerPath: string, errors: FieldError[]): void {
  for (const name of NOT_IN_JUNCTORS) {
    if (part[name] === undefined) continue
    // The written-out form of x-kubernetes-int-or-string is the one exception.
    if (name === 'type' && isIntOrString(outer)) continue
    errors.push(forbiddenField(`${path}.${name}`, 'must be empty to be structural'))
  }
  if (part.additionalProperties !== undefined) {
    errors.push(forbiddenField(`${path}.additionalProperties`, 'must be undefined to be structural'))
  }
  if (part.pattern !== undefined) errors.push(...validatePattern(part.pattern, path))
  for (const [name, property] of Object.entries(part.properties ?? {})) {
    const inner = propertyOf(outer, name) ?? additionalOf(outer)
    const at = `${path}.properties[${name}]`
    if (inner) visitJunctor(property, inner, at, `${outerPath}.properties[${name}]`, errors)
    else if (!preservesUnknown(outer)) errors.push(requiredValue(`${outerPath}.properties[${name}]`, `because it is defined in ${at}`))
  }
  if (part.items) {
    if (outer.items) visitJunctor(part.items, outer.items, `${path}.items`, `${outerPath}.items`, errors)
    else errors.push(requiredValue(`${outerPath}.items`, `because it is defined in ${path}.items`))
  }
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [i, inner] of (part[name] ?? []).entries()) visitJunctor(inner, outer, `${path}.${name}[${i}]`, outerPath, errors)
  }
  if (part.not) visitJunctor(part.not, outer, `${path}.not`, outerPath, errors)
}
