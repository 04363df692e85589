/** Discovery in its second form: everything in two documents, `/api` for the core group and `/apis` for the others. */
import { isRemote, type ResourceEntry, type ShownVersion } from './resources.ts'

/** `core`: the document for `/api`, otherwise the one for `/apis`. */
export function groupDiscoveryList(all: readonly ShownVersion[], { version, core }: { version: 'v2' | 'v2beta1'; core: boolean }): object {
  const groups = [...new Set(all.filter(({ group }) => (group === '') === core).map(({ group }) => group))]
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(name => ({
      metadata: { ...(name !== '' && { name }), creationTimestamp: null },
      versions: all.filter(({ group }) => group === name).map(versionOf),
    })),
  }
}

function versionOf(shown: ShownVersion): object {
  const { version } = shown
  if (isRemote(shown)) return { version, resources: shown.resources, freshness: shown.isFresh ? 'Current' : 'Stale' }
  return { version, resources: shown.resources.map(resourceOf), freshness: 'Current' }
}

function resourceOf({ kind, verbs, subresources }: ResourceEntry): object {
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs,
    ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
    ...(kind.categories.length > 0 && { categories: kind.categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map(sub => ({ subresource: sub.name, responseKind: sub.kind, verbs: sub.verbs })),
    }),
  }
}
