/** The rules of `metadata`, the same for every kind. */
import { randomInt } from 'node:crypto'
import { validateCanonicalAddress } from './addresses.ts'
import { forbiddenField, immutable, invalidIf, invalidValue, requiredValue, tooLong } from './field-errors.ts'
import type { Kind } from './kind.ts'
import type { KubernetesObject, ObjectMeta, OwnerReference } from './meta.ts'
import { isDnsLabel, isDnsSubdomain, isPathSegment, isQualifiedName, isServiceName } from './names.ts'
import { validateLabels } from './selectors/validate.ts'
import type { FieldError } from './status.ts'

const ANNOTATIONS_BYTES_MAX = 256 * 1024
/** Without vowels and what is easily mistaken, so that no words come out. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
const GENERATED_LENGTH_MAX = 63

const NAME_RULES: Readonly<Record<Kind['nameRule'], (name: string) => string | undefined>> = {
  subdomain: isDnsSubdomain,
  label: isDnsLabel,
  service: isServiceName,
  'path-segment': isPathSegment,
  address: name => validateCanonicalAddress('', name)[0]?.detail,
}

/** `namespace/name`, or `name` for objects without a namespace: how caches and queues call an object. */
export function key(object: { readonly metadata: ObjectMeta }): string {
  const { namespace, name = '' } = object.metadata
  return namespace ? `${namespace}/${name}` : name
}

/** `base` and five random characters; a base above 58 characters is cut, so that the name fits a label. */
export function generateName(base: string): string {
  let name = base.slice(0, GENERATED_LENGTH_MAX - SUFFIX_LENGTH)
  for (let i = 0; i < SUFFIX_LENGTH; i++) name += SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]
  return name
}

/** What is wrong with the metadata of an object to be stored; names have been generated. A `Kind` serves as `rules`. */
export function validateObjectMeta(metadata: ObjectMeta, rules: Pick<Kind, 'namespaced' | 'nameRule'>): FieldError[] {
  const { name, generateName: base, namespace } = metadata
  const wrongName = NAME_RULES[rules.nameRule]
  const errors: FieldError[] = []
  // A base may end in what a name may not, since the ending comes after it.
  if (base) errors.push(...invalidIf('metadata.generateName', base, wrongName(maskTrailingDash(base))))
  if (!name) errors.push(requiredValue('metadata.name', 'name or generateName is required'))
  else errors.push(...invalidIf('metadata.name', name, wrongName(name)))
  if (rules.namespaced) {
    if (!namespace) errors.push(requiredValue('metadata.namespace'))
    else errors.push(...invalidIf('metadata.namespace', namespace, isDnsLabel(namespace)))
  } else if (namespace) errors.push(forbiddenField('metadata.namespace', 'not allowed on this type'))
  return [
    ...errors,
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata.ownerReferences ?? []),
    ...validateFinalizers(metadata.finalizers ?? []),
  ]
}

/** What may not change from `old`; runs besides `validateObjectMeta`. */
export function validateObjectMetaUpdate(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  if (old.deletionTimestamp) {
    const before = new Set(old.finalizers)
    const added = (metadata.finalizers ?? []).filter(finalizer => !before.has(finalizer)).sort()
    if (added.length > 0) {
      const list = `[]string{${added.map(finalizer => JSON.stringify(finalizer)).join(', ')}}`
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`
      errors.push(forbiddenField('metadata.finalizers', why))
    }
  }
  if ((metadata.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalidValue('metadata.generation', metadata.generation ?? 0, 'must not be decremented'))
  }
  for (const field of IMMUTABLE_FIELDS) errors.push(...immutable(`metadata.${field}`, metadata[field], old[field]))
  return errors
}

const IMMUTABLE_FIELDS = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // Upper case is allowed in prefixes here, and only here.
    errors.push(...invalidIf(field, key, isQualifiedName(key.toLowerCase())))
    size += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (size > ANNOTATIONS_BYTES_MAX) errors.push(tooLong(field, ANNOTATIONS_BYTES_MAX))
  return errors
}

function maskTrailingDash(base: string): string {
  return base.length > 1 && base.endsWith('-') ? `${base.slice(0, -2)}a` : base
}

function validateOwners(owners: readonly OwnerReference[]): FieldError[] {
  const field = 'metadata.ownerReferences'
  const errors: FieldError[] = []
  let controller: string | undefined
  let isDouble = false
  for (const owner of owners) {
    if (!owner.apiVersion) errors.push(invalidValue(`${field}.apiVersion`, '', 'version must not be empty'))
    for (const name of ['kind', 'name', 'uid'] as const) {
      if (!owner[name]) errors.push(invalidValue(`${field}.${name}`, '', 'must not be empty'))
    }
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
      errors.push(invalidValue(field, owner, '/v1, Kind=Event is disallowed from being an owner'))
    }
    if (!owner.controller) continue
    const name = `${owner.kind}/${owner.name}`
    if (controller !== undefined && !isDouble) {
      // Said once: the value is all of them, and there may be thousands.
      isDouble = true
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`
      errors.push(invalidValue(field, owners, why))
    }
    controller ??= name
  }
  return errors
}

function validateFinalizers(finalizers: readonly string[]): FieldError[] {
  const field = 'metadata.finalizers'
  const errors = finalizers.flatMap(finalizer => invalidIf(field, finalizer, isQualifiedName(finalizer)))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalidValue(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  }
  return errors
}

/** The owner that manages `object`, if any. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(owner => owner.controller)
}
