/**
 * A kind's contract, whole and in one place: names, schema, defaults, rules and columns. Everything the API server, the
 * agents and the CLI know of a kind is derived from this (design: one file per kind, everything derived).
 */
import type { z } from 'zod'
import type { WebhookClientConfig } from './kinds/admissionregistration/types.ts'
import type { KubernetesObject } from './meta.ts'
import { once } from './once.ts'
import type { ObjectNode } from './schema/node.ts'
import type { FieldError } from './status.ts'

/** A column of `kubectl get`; priority 1 shows only with `-o wide`. */
export interface PrinterColumn<T> {
  name: string
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  format?: 'name'
  description: string
  priority?: 0 | 1
  /** The cell. `now` in milliseconds since the epoch, for ages. */
  value: (object: T, now: number) => string | number | boolean | undefined
}

export type Subresource =
  | 'status'
  | 'scale'
  | 'binding'
  | 'eviction'
  | 'log'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'proxy'
  | 'ephemeralcontainers'
  | 'resize'
  | 'token'
  | 'finalize'
  | 'approval'

export const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const
export type Verb = (typeof VERBS)[number]

export interface Kind<T extends KubernetesObject = KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  /** What follows `/registry/` in etcd's keys, as Kubernetes lays it out: `pods`, `minions`, `services/specs`. */
  readonly storagePrefix: string
  readonly subresources: readonly Subresource[]
  /** What can be done with objects of the kind; most kinds take all. One that is only created is answered and never stored. */
  readonly verbs: readonly Verb[]
  readonly description: string
  /**
   * Shape of the whole object apart from `metadata` (whose rules are common): top-level fields such as `spec`, `status`,
   * `data`, each with a description and, where it matters, `meta()` of `schema/fields.ts`. Built on first use.
   */
  readonly schema: () => z.ZodObject
  /** Fills in Kubernetes' defaults in place; idempotent. Runs on every read from a client and on every write. */
  readonly applyDefaults: (object: T) => void
  /** Fields that nobody knows within values of any shape, which the schema lets pass: their paths. Types are as sent. */
  readonly unknownFields?: (object: T) => string[]
  /** What no schema can say. The schema has passed and defaults are applied. */
  readonly validate: (object: T) => FieldError[]
  /** Runs besides `validate` for a new object. */
  readonly validateCreate?: (object: T) => FieldError[]
  /** In place of `validate` and `validateUpdate` for a write that leaves everything but status and metadata; default: both run. */
  readonly validateStatus?: (object: T, old: T) => FieldError[]
  /** Immutability and transitions; runs besides `validate`. */
  readonly validateUpdate: (object: T, old: T) => FieldError[]
  /** Field selectors beyond `metadata.name` and `metadata.namespace`. */
  readonly selectableFields: Readonly<Record<string, (object: T) => string>>
  readonly columns: readonly PrinterColumn<T>[]
  /**
   * How names are checked; default `subdomain` (RFC 1123). `path-segment`: whatever fits into a URL, as RBAC's names.
   * `address`: an IP address.
   */
  readonly nameRule: 'subdomain' | 'label' | 'service' | 'path-segment' | 'address'
  /** Whether a change outside metadata and status raises `metadata.generation`, as for most kinds that have a spec. */
  readonly hasGeneration: boolean
  /** Updates leave `spec` as it is, whatever they say: it is changed through a subresource, or never. */
  readonly keepsSpec?: boolean
  /** Where `scale` finds its numbers; only for kinds with that subresource. */
  readonly scale?: {
    replicas: (object: T) => number
    statusReplicas: (object: T) => number
    setReplicas: (object: T, replicas: number) => void
    selector: (object: T) => string
  }
  /** For a kind that shows the objects of another under names of its own: nothing is stored for it. */
  readonly view?: View<T>
  /** For a kind that a CustomResourceDefinition defines. */
  readonly custom?: CustomPart
  /** Type only. */
  readonly _type?: T
}

/** What kinds that users define have in place of a zod schema. They share group, plural and storage with other versions of the same. */
export interface CustomPart {
  /** Name and uid of the CustomResourceDefinition. */
  readonly definition: { readonly name: string; readonly uid: string }
  /** The definition is being deleted: nothing new may be made. */
  readonly isTerminating: boolean
  /** Default `<kind>List`. */
  readonly listKind: string
  /** How objects are merged and owned. No `component` at the root. */
  readonly node: ObjectNode
  /** As it is published, in version 3 and 2 of OpenAPI. */
  readonly openApi: () => Record<string, unknown>
  readonly openApiV2: () => Record<string, unknown>
  /** What every client of the version is told. */
  readonly warning?: string
  /**
   * An object from parsed JSON, owned by the caller: pruned, nulls that may not be dropped, defaults not applied. Throws BadRequest when it
   * is of another kind, or its metadata is none.
   */
  readonly decode: (raw: Readonly<Record<string, unknown>>) => { object: KubernetesObject; unknownFields: string[] }
  /** In place of `validate` and `validateUpdate`: what did not change is let be. */
  readonly validateChange: (object: KubernetesObject, old: KubernetesObject) => FieldError[]
  /** Who changes objects from one version to another; nobody: they differ in their apiVersion alone. */
  readonly webhook?: { readonly clientConfig?: WebhookClientConfig; readonly conversionReviewVersions?: readonly string[] }
  /** What is stored, as this version has it: in whichever version, but with a webhook in this one already. */
  readonly fromStored: (object: KubernetesObject) => KubernetesObject
  readonly toStored: (object: KubernetesObject) => KubernetesObject
  /** apiVersion in which objects are stored now. */
  readonly storedVersion: string
}

/** How the objects of a stored kind look as another's. */
export interface View<T extends KubernetesObject> {
  /** The stored kind. */
  readonly of: Pick<Kind, 'group' | 'plural'>
  readonly toStored: (object: T) => KubernetesObject
  readonly fromStored: (object: KubernetesObject) => T
  /** What a selectable field is called there. */
  readonly storedField: (name: string) => string
}

type Defaulted =
  | 'singular'
  | 'shortNames'
  | 'categories'
  | 'storagePrefix'
  | 'subresources'
  | 'verbs'
  | 'applyDefaults'
  | 'validate'
  | 'validateUpdate'
  | 'selectableFields'
  | 'nameRule'
  | 'hasGeneration'
  | '_type'

export type KindDefinition<T extends KubernetesObject> = Omit<Kind<T>, Defaulted> & Partial<Pick<Kind<T>, Defaulted>>

/** Declares a kind; what is left out gets the value most kinds have. */
export function defineKind<T extends KubernetesObject>(definition: KindDefinition<T>): Kind<T> {
  const schemaOnce = once(definition.schema)
  const subresources = definition.subresources ?? []
  return {
    singular: definition.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    storagePrefix: definition.plural,
    subresources,
    verbs: VERBS,
    applyDefaults: () => {},
    validate: () => [],
    validateUpdate: () => [],
    selectableFields: {},
    nameRule: 'subdomain',
    hasGeneration: subresources.includes('status'),
    ...definition,
    schema: schemaOnce,
  }
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group ? `${kind.group}/${kind.version}` : kind.version
}
