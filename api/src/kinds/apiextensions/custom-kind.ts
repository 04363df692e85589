/** From a CustomResourceDefinition to the kinds it defines: one for each version that is served. */
import { z } from 'zod'
import { decodeMetadata } from '../../decode.ts'
import { defineKind, type Kind, type Subresource } from '../../kind.ts'
import type { KubernetesObject, ObjectMeta } from '../../meta.ts'
import { once } from '../../once.ts'
import { describeZod, type ObjectNode } from '../../schema/describe.ts'
import { objectMetaSchema } from '../../schema/object-meta.ts'
import { badRequest, type FieldError } from '../../status.ts'
import { createRules } from './cel/rules.ts'
import { customColumns } from './custom-columns.ts'
import { fieldsOfPath, putAt, valueAt } from './json-path.ts'
import { applySchemaDefaults, dropForbiddenNulls } from './structural/defaults.ts'
import { forEachEmbedded, validateEmbedded } from './structural/embedded.ts'
import { isObject, type JsonSchema, readSchema } from './structural/json-schema.ts'
import { rootNode } from './structural/node.ts'
import { publishedSchema, publishedSchemaV2 } from './structural/open-api.ts'
import { prune } from './structural/prune.ts'
import { validateValue } from './structural/validate.ts'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, ScaleSubresource } from './types.ts'

const metadataNode = once(() => describeZod(objectMetaSchema()) as ObjectNode)

/** None until the definition's names are accepted. In the order of the definition. */
export function customKindsOf(definition: CustomResourceDefinition): Kind[] {
  const { plural, kind } = definition.status?.acceptedNames ?? {}
  if (!plural || !kind) return []
  return definition.spec.versions.filter(({ served }) => served).map(version => customKind(definition, version))
}

function customKind(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion): Kind {
  const { group, scope, versions, conversion } = definition.spec
  const names = definition.status?.acceptedNames ?? {}
  const { plural = '', kind = '' } = names
  const apiVersion = `${group}/${version.name}`
  const storage = versions.find(({ storage }) => storage) ?? version
  const storageVersion = `${group}/${storage.name}`
  const schema: JsonSchema = readSchema(version.schema?.openAPIV3Schema ?? { type: 'object' }, '').schema
  const rules = once(() => createRules(schema))
  const description = schema.description ?? ''
  const subresources = subresourcesOf(version)
  const named = (object: KubernetesObject, wanted: string): KubernetesObject =>
    object.apiVersion === wanted ? object : { ...object, apiVersion: wanted }
  const validate = (object: KubernetesObject, old?: KubernetesObject): FieldError[] => {
    const errors = [...validateValue(schema, object, { old }), ...validateEmbedded(schema, object)]
    // Rules take for granted that values are of their types.
    return errors.length > 0 ? errors : rules().validate(object, old)
  }
  const own = { kind, version: version.name }
  const made = defineKind<KubernetesObject>({
    group,
    version: version.name,
    kind,
    plural,
    singular: names.singular || kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    storagePrefix: `${group}/${plural}`,
    subresources,
    description,
    schema: () => z.object({}),
    applyDefaults: object => applySchemaDefaults(schema, object),
    validate: object => validate(object),
    selectableFields: selectableFieldsOf(version),
    columns: customColumns(version.additionalPrinterColumns),
    hasGeneration: true,
    ...(version.subresources?.scale && { scale: scaleOf(version.subresources.scale) }),
    custom: {
      definition: { name: definition.metadata.name ?? '', uid: definition.metadata.uid ?? '' },
      isTerminating: definition.metadata.deletionTimestamp !== undefined,
      listKind: names.listKind || `${kind}List`,
      node: rootNode(schema, metadataNode()),
      openApi: once(() => publishedSchema(schema, description)),
      openApiV2: once(() => publishedSchemaV2(schema, description)),
      ...(version.deprecated && { warning: version.deprecationWarning ?? `${apiVersion} ${kind} is deprecated` }),
      decode: raw => decode(raw, { schema, own, apiVersion }),
      validateChange: (object, old) => validate(object, old),
      ...(conversion?.strategy === 'Webhook' && { webhook: conversion.webhook ?? {} }),
      fromStored: stored => {
        const object = structuredClone(named(stored, apiVersion))
        prune(schema, object, true)
        dropForbiddenNulls(schema, object)
        applySchemaDefaults(schema, object)
        return object
      },
      toStored: object => named(object, storageVersion),
      storedVersion: storageVersion,
    },
  })
  return made
}

interface Decoding {
  readonly schema: JsonSchema
  readonly own: Pick<Kind, 'kind' | 'version'>
  readonly apiVersion: string
}

function decode(raw: Readonly<Record<string, unknown>>, { schema, own, apiVersion }: Decoding) {
  const { metadata: given = {}, ...rest } = raw
  if (given !== null && !isObject(given)) {
    throw badRequest(`${own.kind} in version "${own.version}" cannot be handled as a ${own.kind}: metadata is no object`)
  }
  const { metadata, unknownFields } = decodeMetadata(own, metadataNode(), given ?? {})
  const object: KubernetesObject = { ...structuredClone(rest), apiVersion, kind: own.kind, metadata }
  unknownFields.push(...prune(schema, object, true))
  forEachEmbedded(schema, object, (embedded, path) => {
    if (!isObject(embedded.metadata)) return
    const inner = decodeMetadata(own, metadataNode(), embedded.metadata, `${path}.metadata`)
    embedded.metadata = inner.metadata satisfies ObjectMeta
    unknownFields.push(...inner.unknownFields)
  })
  dropForbiddenNulls(schema, object)
  return { object, unknownFields }
}

function subresourcesOf({ subresources }: CustomResourceDefinitionVersion): Subresource[] {
  return [...(subresources?.status ? (['status'] as const) : []), ...(subresources?.scale ? (['scale'] as const) : [])]
}

function selectableFieldsOf({ selectableFields = [] }: CustomResourceDefinitionVersion): Kind['selectableFields'] {
  return Object.fromEntries(
    selectableFields.flatMap(({ jsonPath }) => {
      const fields = fieldsOfPath(jsonPath)
      if (!fields) return []
      return [[fields.join('.'), (object: KubernetesObject) => textOf(valueAt(object, fields))]]
    }),
  )
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}

function scaleOf(scale: ScaleSubresource): NonNullable<Kind['scale']> {
  const [spec, status, selector] = [scale.specReplicasPath, scale.statusReplicasPath, scale.labelSelectorPath].map(path =>
    path === undefined ? undefined : fieldsOfPath(path),
  )
  const numberAt = (object: KubernetesObject, fields: readonly string[] | undefined) => {
    const value = fields && valueAt(object, fields)
    return typeof value === 'number' ? value : 0
  }
  return {
    replicas: object => numberAt(object, spec),
    statusReplicas: object => numberAt(object, status),
    setReplicas: (object, replicas) => {
      if (spec) putAt(object, spec, replicas)
    },
    selector: object => (selector ? textOf(valueAt(object, selector)) : ''),
  }
}
