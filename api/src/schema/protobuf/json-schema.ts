/**
 * The schema of a CustomResourceDefinition's schema. JSON takes it as it is; protobuf has a message for it, with messages
 * of their own where JSON has one of two types.
 */
import { z } from 'zod'
import { once } from '../../once.ts'
import { describeZod, type ObjectNode } from '../describe.ts'

const text = () => z.string().optional()
const texts = () => z.array(z.string()).optional()
const truth = () => z.boolean().optional()
const count = () => z.int().optional().meta({ format: 'int64' })
const amount = () => z.number().optional()
const json = () => z.unknown().optional()
const message = (component: string, shape: z.ZodRawShape): z.ZodObject => z.object(shape).meta({ component })

const props = once((): z.ZodObject => {
  const self = z.lazy(() => props())
  const many = () => z.array(self).optional()
  const named = () => z.record(z.string(), self).optional()
  const orTruth = () => message('JSONSchemaPropsOrBool', { allows: truth(), schema: self.optional() }).optional()
  const orTexts = message('JSONSchemaPropsOrStringArray', { schema: self.optional(), property: texts() })
  const rule = message('ValidationRule', {
    ...{ rule: text(), message: text(), messageExpression: text(), reason: text(), fieldPath: text() },
    optionalOldSelf: truth(),
  })
  return message('JSONSchemaProps', {
    ...{ id: text(), $schema: text(), $ref: text(), description: text(), type: text(), format: text(), title: text(), pattern: text() },
    ...{ default: json(), example: json(), enum: z.array(z.unknown()).optional(), required: texts() },
    ...{ maximum: amount(), exclusiveMaximum: truth(), minimum: amount(), exclusiveMinimum: truth(), multipleOf: amount() },
    ...{ maxLength: count(), minLength: count(), maxItems: count(), minItems: count(), uniqueItems: truth() },
    ...{ maxProperties: count(), minProperties: count(), nullable: truth() },
    items: message('JSONSchemaPropsOrArray', { schema: self.optional(), jSONSchemas: many() }).optional(),
    ...{ allOf: many(), oneOf: many(), anyOf: many(), not: self.optional() },
    ...{
      properties: named(),
      patternProperties: named(),
      definitions: named(),
      additionalProperties: orTruth(),
      additionalItems: orTruth(),
    },
    dependencies: z.record(z.string(), orTexts).optional(),
    externalDocs: message('ExternalDocumentation', { description: text(), url: text() }).optional(),
    'x-kubernetes-preserve-unknown-fields': truth(),
    'x-kubernetes-embedded-resource': truth(),
    'x-kubernetes-int-or-string': truth(),
    'x-kubernetes-list-map-keys': texts(),
    'x-kubernetes-list-type': text(),
    'x-kubernetes-map-type': text(),
    'x-kubernetes-validations': z.array(rule).optional(),
  })
})

/** What a free-form field of the schema is in protobuf, by the name of its message. */
export const FREE_FORM: Readonly<Record<string, () => ObjectNode>> = {
  JSONSchemaProps: once(() => describeZod(props()) as ObjectNode),
}

interface Either {
  readonly schema?: unknown
  readonly allows?: unknown
  readonly property?: unknown
  readonly jSONSchemas?: unknown
}

/** How JSON writes a message that stands for one of two types. */
export const EITHER: Readonly<Record<string, (value: Either) => unknown>> = {
  JSONSchemaPropsOrBool: ({ schema, allows }) => schema ?? allows ?? false,
  JSONSchemaPropsOrArray: ({ schema, jSONSchemas }) => jSONSchemas ?? schema,
  JSONSchemaPropsOrStringArray: ({ schema, property }) => property ?? schema,
}
