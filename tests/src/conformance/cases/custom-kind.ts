/** A kind of its own for a case: its definition, and the moves that cases of users' kinds share. */
import assert from 'node:assert/strict'
import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionVersion,
  customKindsOf,
  customResourceDefinitionKind,
  isEstablished,
  type Kind,
  type KubernetesObject,
  type ResourceClient,
} from '@davit/api'
import type { PlaneContext } from '../plane-context.ts'

export type Custom = KubernetesObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> }
export type Schema = Record<string, unknown>

/** What ends the groups of these kinds: cases about all groups leave them out. */
export const CASE_DOMAIN = 'case.example.com'

export interface Wanted {
  /** Default `foos`; the kind is named after it. */
  readonly plural?: string
  /** Put before the group, where a case has several. */
  readonly prefix?: string
  readonly labels?: Record<string, string>
  readonly versions?: readonly Partial<CustomResourceDefinitionVersion>[]
  /** Of the only version, where no versions are given. */
  readonly schema?: Schema
}

export interface CustomKind {
  readonly definition: CustomResourceDefinition
  /** The first version that is served. */
  readonly kind: Kind
  readonly objects: ResourceClient<Custom>
  /** `group/version` of the first version. */
  readonly apiVersion: string
  /** Of the objects in the case's namespace. */
  readonly path: string
  make(name: string, fields?: object): Custom
}

export function definitions(context: PlaneContext): ResourceClient<CustomResourceDefinition> {
  return context.resource(customResourceDefinitionKind)
}

/** The definition as it would be sent. */
export function wantedDefinition(
  context: PlaneContext,
  {
    plural = 'foos',
    prefix = '',
    labels = {},
    versions,
    schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  }: Wanted,
): CustomResourceDefinition {
  const group = `${prefix}${context.namespace}.${CASE_DOMAIN}`
  const only = [{ name: 'v1', schema: { openAPIV3Schema: schema } }]
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind: plural.charAt(0).toUpperCase() + plural.slice(1, -1) },
      versions: (versions ?? only).map((version, i) => ({
        served: true,
        storage: i === 0,
        schema: { openAPIV3Schema: schema },
        ...version,
      })),
    },
  } as CustomResourceDefinition
}

/** Makes the kind, waits until it is served, and takes it away after `use`. */
export async function withCustomKind<R>(context: PlaneContext, wanted: Wanted, use: (custom: CustomKind) => Promise<R>): Promise<R> {
  const made = await definitions(context).create(wantedDefinition(context, wanted))
  const name = made.metadata.name ?? ''
  try {
    const definition = await context.cluster.until(customResourceDefinitionKind, `${name} to be established`, all =>
      all.find(each => each.metadata.name === name && isEstablished(each)),
    )
    const [kind] = customKindsOf(definition)
    assert.ok(kind)
    const apiVersion = `${kind.group}/${kind.version}`
    return await use({
      definition,
      kind,
      apiVersion,
      objects: context.resource(kind as unknown as Kind<Custom>),
      path: `/apis/${apiVersion}/namespaces/${context.namespace}/${kind.plural}`,
      make: (objectName, fields = {}) => ({ apiVersion, kind: kind.kind, metadata: context.named(objectName), ...fields }),
    })
  } finally {
    await definitions(context)
      .delete({ name })
      .catch(() => {})
  }
}

/** Waits until the definition is gone, and with it whatever was made of it. */
export async function untilDefinitionGone(context: PlaneContext, name: string): Promise<void> {
  await context.cluster.until(
    customResourceDefinitionKind,
    `${name} to be gone`,
    all => !all.some(({ metadata }) => metadata.name === name),
  )
}
