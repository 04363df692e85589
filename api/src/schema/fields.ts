/**
 * What zod cannot say of a field by itself, kept in zod's metadata: how a list is merged (strategic merge patch and
 * server-side apply) and which protobuf field carries it.
 */
import { z } from 'zod'

export interface FieldMeta {
  description?: string | undefined
  /** `x-kubernetes-patch-merge-key`: the key that identifies an element of a list merged by strategic merge patch. */
  mergeKey?: string
  /** `x-kubernetes-patch-strategy`. */
  patchStrategy?: 'merge' | 'replace' | 'retainKeys' | 'merge,retainKeys'
  /** `x-kubernetes-list-type`. */
  listType?: 'atomic' | 'set' | 'map'
  /** `x-kubernetes-list-map-keys`. */
  listMapKeys?: readonly string[]
  /** `x-kubernetes-map-type`, of maps and of objects: an atomic one has one owner and is replaced whole. Default `granular`. */
  mapType?: 'atomic' | 'granular'
  /** Of a field that is a key of a list: what it is when left out. */
  default?: string
  /** Name of the OpenAPI component an object becomes, such as `PodSpec`. */
  component?: string
  /** `int32`, `int64`, `date-time`, `byte`, `int-or-string`, `quantity`. */
  format?: string
  /** Of a `date-time`: it keeps its microseconds, others have whole seconds. */
  precision?: 'micro'
}

declare module 'zod' {
  interface GlobalMeta extends FieldMeta {}
}

export const string = (description: string) => z.string().optional().describe(description)
export const boolean = (description: string) => z.boolean().optional().describe(description)
export const int32 = (description: string) => z.int32().optional().meta({ description, format: 'int32' })
export const int64 = (description: string) => z.int().optional().meta({ description, format: 'int64' })
export const time = (description: string) => z.string().optional().meta({ description, format: 'date-time' })
export const microTime = (description: string) => z.string().optional().meta({ description, format: 'date-time', precision: 'micro' })
export const quantity = (description: string) => z.union([z.string(), z.number()]).optional().meta({ description, format: 'quantity' })
export const intOrString = (description: string) =>
  z.union([z.int32(), z.string()]).optional().meta({ description, format: 'int-or-string' })
export const bytes = (description: string) => z.string().optional().meta({ description, format: 'byte' })
/** One of Kubernetes' named values; others are answered with `Unsupported value`. */
export const oneOf = <const V extends readonly [string, ...string[]]>(values: V, description: string) =>
  z.enum(values).optional().describe(description)
export const stringMap = (description: string) => z.record(z.string(), z.string()).optional().describe(description)
/** Points in time by name. */
export const timeMap = (description: string) =>
  z
    .record(z.string(), z.string().meta({ format: 'date-time' }))
    .optional()
    .describe(description)
/** Values in base64. */
export const bytesMap = (description: string) =>
  z
    .record(z.string(), z.string().meta({ format: 'byte' }))
    .optional()
    .describe(description)
export const quantityMap = (description: string) =>
  z
    .record(z.string(), z.union([z.string(), z.number()]).meta({ format: 'quantity' }))
    .optional()
    .describe(description)
export const strings = (description: string, meta: FieldMeta = {}) =>
  z
    .array(z.string())
    .optional()
    .meta({ listType: 'atomic', ...meta, description })
/** Lists of texts by name. */
export const stringsMap = (description: string) =>
  z
    .record(z.string(), z.array(z.string()).meta({ listType: 'atomic' }))
    .optional()
    .describe(description)
/** A list of ids. */
export const int64s = (description: string) =>
  z
    .array(z.int().meta({ format: 'int64' }))
    .optional()
    .meta({ listType: 'atomic', description })
export const int32s = (description: string, meta: FieldMeta = {}) =>
  z
    .array(z.int32().meta({ format: 'int32' }))
    .optional()
    .meta({ listType: 'atomic', ...meta, description })
/** An object whose inside Davit does not look at: stored and returned as written. */
export const anyObject = (description: string) => z.record(z.string(), z.unknown()).optional().describe(description)

/** A value of any form that Davit does not look at: stored and returned as written. */
export const anyValue = (description: string) => z.unknown().optional().describe(description)

/** A list of objects. With `mergeKey` it is merged by that key, otherwise replaced whole. */
export const list = (element: z.ZodType, description: string, meta: FieldMeta = {}) =>
  z
    .array(element)
    .optional()
    .meta({
      ...(meta.mergeKey
        ? { patchStrategy: 'merge' as const, listType: 'map' as const, listMapKeys: [meta.mergeKey] }
        : { listType: 'atomic' as const }),
      ...meta,
      description,
    })

/** A nested object that becomes the OpenAPI component `component`. All fields are optional unless made `required`. */
export const object = (component: string, description: string, shape: z.ZodRawShape): z.ZodObject =>
  z.object(shape).meta({ component, description })

/** An object or a map that is one thing to server-side apply: it has one owner, and is replaced whole. */
export const atomic = <S extends z.ZodType>(schema: S): S => schema.meta({ ...schema.meta(), mapType: 'atomic' })

/** A field that holds `schema`; a use of a shared object under its own description. */
export const field = (schema: z.ZodType, description: string, meta: FieldMeta = {}) => schema.optional().meta({ ...meta, description })

/** Makes a field required: its absence is answered with `Required value`. */
export const required = (schema: z.ZodType): z.ZodType => {
  const inner = schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema
  const meta = schema.meta()
  return meta ? inner.meta(meta) : inner
}
