/** Discovery in its first form: one document a group and version. */
import type { GroupVersion, GroupVersionKind, ShownVersion } from './resources.ts'

export function apiVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

export function apiGroupList(all: readonly ShownVersion[]): object {
  const groups = [...new Set(all.filter(({ group }) => group !== '').map(({ group }) => group))]
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(group => groupOf(group, all)) }
}

/** Undefined when the group is not served. */
export function apiGroup(name: string, all: readonly ShownVersion[]): object | undefined {
  if (name === '' || !all.some(({ group }) => group === name)) return undefined
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, all) }
}

function groupOf(name: string, all: readonly ShownVersion[]) {
  const versions = all.filter(({ group }) => group === name).map(({ version }) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions, preferredVersion: versions[0] }
}

export function apiResourceList({ group, version, resources }: GroupVersion): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group ? `${group}/${version}` : version,
    resources: resources.flatMap(({ kind, verbs, subresources }) => [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        verbs,
        ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
        ...(kind.categories.length > 0 && { categories: kind.categories }),
      },
      ...subresources.map(sub => ({
        name: `${kind.plural}/${sub.name}`,
        singularName: '',
        namespaced: kind.namespaced,
        ...elsewhere(sub.kind, { group, version }),
        kind: sub.kind.kind,
        verbs: sub.verbs,
      })),
    ]),
  }
}

/** Group and version are said only where they are not the document's own. */
function elsewhere(kind: GroupVersionKind, { group, version }: { group: string; version: string }): object {
  return kind.group === group && kind.version === version ? {} : { group: kind.group, version: kind.version }
}
