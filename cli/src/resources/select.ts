import type { Readable } from 'node:stream'
import { ExitError } from '../command-line/index.ts'
import { type ManifestObject, readManifests } from '../manifests/index.ts'
import { type AnyObject, isSameType, type ResourceType, type Session } from '../session/index.ts'
import { parseResourceArguments } from './parse-arguments.ts'

/** One object a command is about; `object` is what the server, or with `isLocal` the manifest, has. */
export interface Target {
  readonly type: ResourceType
  /** Undefined for cluster-scoped kinds. */
  readonly namespace: string | undefined
  readonly name: string
  readonly object?: AnyObject
  /** The manifest it came from. */
  readonly source?: string
}

/** One collection, or one object of it, before anything was asked of the server. */
export interface Query {
  readonly type: ResourceType
  /** Undefined: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string | undefined
  /** Undefined: all that match the selectors. */
  readonly name?: string
}

/** Where one object is. */
export interface Place {
  readonly type: ResourceType
  readonly namespace: string | undefined
  readonly name: string
}

export interface SelectOptions {
  files?: readonly string[] | undefined
  recursive?: boolean | undefined
  stdin?: Readable
  selector?: string | undefined
  fieldSelector?: string | undefined
  allNamespaces?: boolean | undefined
  /** A bare type means all its objects. */
  all?: boolean | undefined
  /** For the message when nothing is named. */
  verb?: string
}

/** What the arguments ask for, types looked up but nothing fetched. Throws in kubectl's words for what makes no sense. */
export async function resolveQueries(session: Session, args: readonly string[], options: SelectOptions = {}): Promise<Query[]> {
  const parsed = parseResourceArguments(args)
  const hasSelector = Boolean(options.selector || options.fieldSelector)
  if ((parsed.form === 'named' || parsed.form === 'pairs') && hasSelector)
    throw new Error('name cannot be provided when a selector is specified')
  if ((parsed.form === 'named' || parsed.form === 'pairs') && options.allNamespaces) {
    throw new Error('a resource cannot be retrieved by name across all namespaces')
  }
  const scope = (type: ResourceType) => (type.namespaced && !options.allNamespaces ? session.namespace : undefined)
  switch (parsed.form) {
    case 'none':
      return []
    case 'types':
      return (await typesOf(session, parsed.types)).map(type => ({ type, namespace: scope(type) }))
    case 'named': {
      const types = await typesOf(session, parsed.types)
      return types.flatMap(type => parsed.names.map(name => ({ type, namespace: scope(type), name })))
    }
    case 'pairs':
      return Promise.all(
        parsed.pairs.map(async pair => {
          const type = await session.types.byName(pair.type)
          return { type, namespace: scope(type), name: pair.name }
        }),
      )
    default:
      return parsed satisfies never
  }
}

async function typesOf(session: Session, names: readonly string[]): Promise<ResourceType[]> {
  const found: ResourceType[] = []
  for (const name of names) {
    const ofCategory = await session.types.byCategory(name)
    const types = ofCategory.length > 0 ? ofCategory : [await session.types.byName(name)]
    for (const type of types) if (!found.some(known => isSameType(known, type))) found.push(type)
  }
  return found
}

/**
 * The objects that arguments, files and selectors name, as the server has them now. Goes on past objects that cannot be had;
 * `failures` says which. Throws when nothing is asked for at all.
 */
export async function selectTargets(
  session: Session,
  args: readonly string[],
  options: SelectOptions,
): Promise<{ targets: Target[]; failures: unknown[] }> {
  const targets: Target[] = []
  const failures: unknown[] = []
  if (options.files?.length) {
    if (args.length > 0)
      throw new Error('when paths, URLs, or stdin is provided as resource input, you may not specify resource arguments as well')
    const manifests = await readManifests(options.files, { recursive: options.recursive ?? false, stdin: options.stdin ?? process.stdin })
    for (const manifest of manifests) {
      await collect(failures, async () => {
        const place = await placeOf(session, manifest)
        targets.push({ ...place, object: await session.api.get(place.type, place), source: manifest.source })
      })
    }
    return { targets, failures }
  }
  const queries = await resolveQueries(session, args, options)
  if (queries.length === 0)
    throw new Error(
      "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
    )
  const isBare = queries.some(({ name }) => name === undefined)
  if (isBare && !options.all && !options.selector && !options.fieldSelector)
    throw new Error('resource(s) were provided, but no name was specified')
  for (const { type, namespace, name } of queries) {
    await collect(failures, async () => {
      if (name !== undefined) targets.push({ type, namespace, name, object: await session.api.get(type, { namespace, name }) })
      else targets.push(...(await listTargets(session, { type, namespace }, options)))
    })
  }
  return { targets, failures }
}

/** All objects of a query without a name. */
export async function listTargets(
  session: Session,
  { type, namespace }: Query,
  { selector, fieldSelector }: SelectOptions,
): Promise<Target[]> {
  const list = await session.api.list(
    type,
    { namespace },
    { query: { ...(selector && { labelSelector: selector }), ...(fieldSelector && { fieldSelector }) } },
  )
  const apiVersion = type.group ? `${type.group}/${type.version}` : type.version
  return list.items.map(item => ({
    type,
    namespace: item.metadata.namespace,
    name: item.metadata.name ?? '',
    // Items of a list do not repeat what the list says.
    object: { ...item, apiVersion: item.apiVersion ?? apiVersion, kind: item.kind ?? type.kind },
  }))
}

/** Where a manifest's object lives. Throws for a kind the server does not serve, or another namespace than the one asked for. */
export async function placeOf(session: Session, { object, source }: ManifestObject): Promise<Place> {
  const { apiVersion, kind, metadata } = object
  const type = await session.types.byKind(apiVersion, kind)
  if (!type) {
    // Without "error:", as kubectl words it.
    throw new ExitError(
      1,
      `resource mapping not found for name: "${metadata.name ?? ''}" namespace: "${metadata.namespace ?? ''}" from "${source}": no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`,
    )
  }
  if (type.namespaced && metadata.namespace && session.isNamespaceGiven && metadata.namespace !== session.namespace) {
    throw new Error(
      `the namespace from the provided object "${metadata.namespace}" does not match the namespace "${session.namespace}". You must pass '--namespace=${metadata.namespace}' to perform this operation.`,
    )
  }
  return { type, namespace: type.namespaced ? metadata.namespace || session.namespace : undefined, name: metadata.name ?? '' }
}

/** Where the objects of manifests live; those of kinds the server does not serve go into `failures`. */
export async function placesOf(
  session: Session,
  manifests: readonly ManifestObject[],
  failures: unknown[],
): Promise<(Place & { source: string })[]> {
  const places: (Place & { source: string })[] = []
  for (const manifest of manifests) {
    await collect(failures, async () => void places.push({ ...(await placeOf(session, manifest)), source: manifest.source }))
  }
  return places
}

/** Runs `step`; keeps its failure instead of throwing it. */
export async function collect(failures: unknown[], step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (err) {
    failures.push(err)
  }
}

/** Throws what was collected: one as it is, several together. */
export function throwCollected(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, 'Several requests failed')
}
