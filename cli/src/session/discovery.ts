import { isReason } from '@davit/api'
import type { Api } from './api.ts'
import type { ResourceType } from './resource-type.ts'

interface ApiResource {
  name: string
  singularName?: string
  namespaced: boolean
  kind: string
  verbs?: string[]
  shortNames?: string[]
  categories?: string[]
}

interface Group {
  name: string
  versions: { groupVersion: string; version: string }[]
  preferredVersion?: { groupVersion: string; version: string }
}

/** Every version the server serves, `v1` first, then by group, each group's preferred version first. */
export async function listGroupVersions(api: Api): Promise<{ group: string; version: string; isPreferred: boolean }[]> {
  const [core, groups] = await Promise.all([
    api.request('GET', '/api') as Promise<{ versions?: string[] }>,
    api.request('GET', '/apis') as Promise<{ groups?: Group[] }>,
  ])
  const found = (core.versions ?? []).map((version, at) => ({ group: '', version, isPreferred: at === 0 }))
  for (const { name, versions, preferredVersion } of groups.groups ?? []) {
    const preferred = preferredVersion?.version ?? versions[0]?.version
    const inOrder = [...versions].sort((a, b) => Number(b.version === preferred) - Number(a.version === preferred))
    found.push(...inOrder.map(({ version }) => ({ group: name, version, isPreferred: version === preferred })))
  }
  return found
}

/** All types the server serves, subresources left out, in the order of `listGroupVersions`. */
export async function discoverTypes(api: Api): Promise<ResourceType[]> {
  const versions = await listGroupVersions(api)
  const lists = await Promise.all(versions.map(({ group, version }) => resourcesOf(api, group, version)))
  return lists.flat()
}

async function resourcesOf(api: Api, group: string, version: string): Promise<ResourceType[]> {
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`
  let answer: { resources?: ApiResource[] }
  try {
    answer = (await api.request('GET', path)) as { resources?: ApiResource[] }
  } catch (err) {
    // A group whose server is away must not hide the others.
    if (isReason(err, 'ServiceUnavailable') || isReason(err, 'NotFound')) return []
    throw err
  }
  return (answer.resources ?? [])
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, singularName, namespaced, kind, verbs = [], shortNames = [], categories = [] }) => ({
      group,
      version,
      kind,
      plural: name,
      singular: singularName || kind.toLowerCase(),
      shortNames,
      categories,
      namespaced,
      verbs,
    }))
}
