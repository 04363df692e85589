/** Columns and cells that several kinds share. */
import { ageSince } from '../duration.ts'
import type { PrinterColumn } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'

export const nameColumn: PrinterColumn<KubernetesObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object, unique among its kind within its namespace.',
  value: object => object.metadata.name,
}

export const ageColumn: PrinterColumn<KubernetesObject> = {
  name: 'Age',
  type: 'string',
  description: 'How long ago the object was created.',
  value: (object, now) => ageSince(object.metadata.creationTimestamp, now),
}

/** In place of the age, for kinds of which Kubernetes shows nothing but the name. */
export const createdAtColumn: PrinterColumn<KubernetesObject> = {
  name: 'Created At',
  type: 'date',
  description: 'When the object was created.',
  value: object => object.metadata.creationTimestamp,
}

/** `a=b,c=d` sorted by key, or `<none>`. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const texts = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return texts.length === 0 ? '<none>' : texts.sort().join(',')
}

interface WithContainers {
  readonly containers?: readonly { readonly name: string; readonly image?: string }[]
}

/** Names of the containers, for CONTAINERS. */
export function containerNames(spec: WithContainers | undefined): string {
  return (spec?.containers ?? []).map(container => container.name).join(',')
}

/** Images of the containers, for IMAGES. */
export function containerImages(spec: WithContainers | undefined): string {
  return (spec?.containers ?? []).map(container => container.image ?? '').join(',')
}

/** The first three of a list and how many more there are, as endpoints are shown. */
export function firstThree(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join(',')
  return texts.length > 3 ? `${shown} + ${texts.length - 3} more...` : shown
}
