import type { KubernetesObject } from '@davit/api'

/** The class that objects get which name none; the newest, when several say they are. */
export function newestDefault<T extends KubernetesObject>(classes: Iterable<T>, isDefault: (each: T) => boolean): T | undefined {
  const time = ({ metadata }: T) => metadata.creationTimestamp ?? ''
  return [...classes]
    .filter(isDefault)
    .sort((a, b) => time(b).localeCompare(time(a)) || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? ''))[0]
}
