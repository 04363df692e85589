/** Rules of one version of a CustomResourceDefinition. */
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue } from '../../field-errors.ts'
import { isServiceName } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import { validateRules } from './cel/rules.ts'
import { fieldsOfPath, parseJsonPath } from './json-path.ts'
import { type JsonSchema, propertyOf, readSchema } from './structural/json-schema.ts'
import { validateStructural } from './structural/schema-rules.ts'
import type { ColumnDefinition, CustomResourceDefinitionVersion, ScaleSubresource } from './types.ts'

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']
const SELECTABLE_MAX = 8

export function validateVersion(version: CustomResourceDefinitionVersion, path: string): FieldError[] {
  const { name = '', deprecated, deprecationWarning, schema, subresources, additionalPrinterColumns = [] } = version
  const errors = invalidIf(`${path}.name`, name, isServiceName(name))
  if (deprecationWarning !== undefined) {
    if (!deprecated) errors.push(invalidValue(`${path}.deprecationWarning`, deprecationWarning, 'can only be set for deprecated versions'))
    if (deprecationWarning.length > 256)
      errors.push(invalidValue(`${path}.deprecationWarning`, deprecationWarning, 'must be <= 256 characters long'))
    if (deprecationWarning === '') errors.push(invalidValue(`${path}.deprecationWarning`, '', 'must not be empty'))
  }
  const raw = schema?.openAPIV3Schema
  if (raw === undefined || raw === null) errors.push(requiredValue(`${path}.schema.openAPIV3Schema`, 'schemas are required'))
  else errors.push(...validateSchema(raw, version, path))
  errors.push(...validateScale(subresources?.scale, `${path}.subresources.scale`))
  errors.push(...additionalPrinterColumns.flatMap((column, i) => validateColumn(column, `${path}.additionalPrinterColumns[${i}]`)))
  return errors
}

function validateSchema(raw: JsonSchema, version: CustomResourceDefinitionVersion, at: string): FieldError[] {
  const path = `${at}.schema.openAPIV3Schema`
  const { schema, wrong, listedItems } = readSchema(raw, path)
  const errors: FieldError[] = [
    ...wrong.map(({ path: field, wanted }) => invalidValue(field, undefined, `must be of type ${wanted}`)),
    ...listedItems.map(field => forbiddenField(field, 'items must be a schema object and not an array')),
  ]
  if (errors.length > 0) return errors
  const broken = validateStructural(schema, path)
  if (broken.length > 0) return broken
  return [...validateRules(schema, path), ...validateSelectable(schema, version, `${at}.selectableFields`)]
}

function validateScale(scale: ScaleSubresource | undefined, path: string): FieldError[] {
  if (!scale) return []
  const { specReplicasPath: spec = '', statusReplicasPath: status = '', labelSelectorPath: selector } = scale
  const below = (field: string, value: string, roots: readonly string[], words: string) => {
    if (value === '') return [requiredValue(`${path}.${field}`)]
    const [root, ...rest] = fieldsOfPath(value) ?? []
    const isRight = root !== undefined && roots.includes(root) && rest.length > 0
    return isRight ? [] : [invalidValue(`${path}.${field}`, value, `should be a json path under ${words}`)]
  }
  return [
    ...below('specReplicasPath', spec, ['spec'], '.spec'),
    ...below('statusReplicasPath', status, ['status'], '.status'),
    ...(selector ? below('labelSelectorPath', selector, ['spec', 'status'], 'either .status or .spec') : []),
  ]
}

function validateColumn({ name, type, format, jsonPath }: ColumnDefinition, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (!name) errors.push(requiredValue(`${path}.name`))
  if (!type) errors.push(requiredValue(`${path}.type`, `must be one of ${COLUMN_TYPES.join(',')}`))
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalidValue(`${path}.type`, type, `must be one of ${COLUMN_TYPES.join(',')}`))
  if (format && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalidValue(`${path}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`))
  }
  if (!jsonPath) return [...errors, requiredValue(`${path}.JSONPath`)]
  try {
    parseJsonPath(jsonPath)
    return jsonPath.startsWith('.') || jsonPath.startsWith('{') || jsonPath.startsWith('[')
      ? errors
      : [...errors, invalidValue(`${path}.jsonPath`, jsonPath, 'must be a simple json path starting with .')]
  } catch (error) {
    return [...errors, invalidValue(`${path}.jsonPath`, jsonPath, `is invalid: ${(error as Error).message}`)]
  }
}

function validateSelectable(schema: JsonSchema, { selectableFields = [] }: CustomResourceDefinitionVersion, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (selectableFields.length > SELECTABLE_MAX) {
    errors.push({ type: 'TooMany', field: path, value: selectableFields.length, detail: `must have at most ${SELECTABLE_MAX} items` })
  }
  const seen = new Set<string>()
  for (const [i, { jsonPath = '' }] of selectableFields.entries()) {
    const field = `${path}[${i}].jsonPath`
    if (!jsonPath) errors.push(requiredValue(field))
    else {
      const fields = fieldsOfPath(jsonPath)
      const found = fields?.reduce<JsonSchema | undefined>((inner, name) => inner && propertyOf(inner, name), schema)
      if (fields?.[0] === 'metadata') errors.push(invalidValue(field, jsonPath, 'must not point to fields in metadata'))
      else if (!found) errors.push(invalidValue(field, jsonPath, 'is an invalid path: does not refer to a valid field'))
      else if (!['string', 'boolean', 'integer'].includes(found.type ?? '')) {
        errors.push(
          invalidValue(
            field,
            jsonPath,
            'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
          ),
        )
      }
    }
    if (seen.has(jsonPath)) errors.push(duplicateValue(field, jsonPath))
    seen.add(jsonPath)
  }
  return errors
}
