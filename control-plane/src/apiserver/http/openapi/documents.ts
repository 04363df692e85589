/** The documents, made on first use and again after kinds have changed: one for each group and version, and one of version 2 for all. */
import { createHash } from 'node:crypto'
import { type Kind, REVIEW_KINDS, SPOKEN_KINDS } from '@davit/api'
import type { KindRegistry } from '../../../kind-registry.ts'
import { groupVersions } from '../discovery/resources.ts'
import { VERSION_INFO } from '../version.ts'
import { componentOf, componentsOf, type OpenApiSchema } from './components.ts'
import { ComponentNames } from './names.ts'
import { pathsOf, spokenBy } from './paths.ts'
import { type DocumentV3, readableOf, swaggerOf } from './v2.ts'

export interface Document {
  readonly bytes: Buffer
  readonly hash: string
}

export interface Documents {
  /** By path below `/openapi/v3/`, such as `apis/apps/v1`. */
  v3(): Promise<ReadonlyMap<string, Document>>
  /** With the documents of other servers; made anew when they are others than before. */
  v2(others?: readonly object[]): Promise<Document>
}

const INFO = { title: 'Kubernetes', version: VERSION_INFO.gitVersion }

const NO_OTHERS: readonly object[] = []

export function createDocuments(registry: KindRegistry): Documents {
  const makers = new Map<string, GroupDocument>()
  const names = once(() => namesOf([...registry.builtIn, ...REVIEW_KINDS]))
  let of: readonly Kind[] | undefined
  let three: Promise<Map<string, Document>> | undefined
  let two: Promise<Document> | undefined
  let twoOf = NO_OTHERS
  const groups = () => eachDocument([...registry.all, ...REVIEW_KINDS], names(), makers)
  const refresh = () => {
    if (of === registry.all) return
    of = registry.all
    three = undefined
    two = undefined
  }
  return {
    v3: () => {
      refresh()
      three ??= makeV3(groups())
      return three
    },
    v2: (others = NO_OTHERS) => {
      refresh()
      if (!isSameList(twoOf, others)) two = undefined
      twoOf = others
      two ??= makeV2(groups(), names(), others)
      return two
    },
  }
}

/** The document of one group and version, as long as its kinds are the same. */
interface GroupDocument {
  readonly members: readonly Kind[]
  readonly document: DocumentV3
  readonly written: () => Document
}

/** The document of kinds of one group and version. */
export function documentOf(kinds: readonly Kind[], names: ComponentNames): DocumentV3 {
  return {
    openapi: '3.0.0',
    info: INFO,
    paths: Object.assign({}, ...kinds.map(kind => pathsOf(kind, names))),
    components: { schemas: componentsOf(kinds, spokenBy(kinds), names) },
  }
}

/** Names for the components of all kinds and of what is spoken besides. */
export function namesOf(kinds: readonly Kind[]): ComponentNames {
  return new ComponentNames([...kinds, ...SPOKEN_KINDS])
}

async function makeV3(groups: AsyncIterable<[string, GroupDocument]>): Promise<Map<string, Document>> {
  const documents = new Map<string, Document>()
  for await (const [path, { written }] of groups) documents.set(path, written())
  return documents
}

async function makeV2(groups: AsyncIterable<[string, GroupDocument]>, names: ComponentNames, others: readonly object[]): Promise<Document> {
  const documents: DocumentV3[] = []
  const ofUsers = new Map<string, OpenApiSchema>()
  for await (const [, { document, members }] of groups) {
    documents.push(document)
    for (const kind of members) if (kind.custom) ofUsers.set(componentOf(kind, names), kind.custom.openApiV2())
  }
  return written(swaggerOf([...documents, ...readableOf(others)], INFO, ofUsers))
}

/** One at a time: each takes milliseconds, and others wait for the loop. */
async function* eachDocument(
  kinds: readonly Kind[],
  names: ComponentNames,
  made: Map<string, GroupDocument>,
): AsyncGenerator<[string, GroupDocument]> {
  const paths = new Set<string>()
  for (const { group, version, resources } of groupVersions(kinds)) {
    const path = group ? `apis/${group}/${version}` : `api/${version}`
    const members = resources.map(({ kind }) => kind)
    paths.add(path)
    let known = made.get(path)
    if (!known || !isSameList(known.members, members)) {
      await new Promise(resolve => setImmediate(resolve))
      const document = documentOf(members, names)
      known = { members, document, written: once(() => written(document)) }
      made.set(path, known)
    }
    yield [path, known]
  }
  for (const path of made.keys()) if (!paths.has(path)) made.delete(path)
}

function isSameList(a: readonly object[], b: readonly object[]): boolean {
  return a.length === b.length && a.every((kind, i) => kind === b[i])
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function written(document: object): Document {
  const bytes = Buffer.from(JSON.stringify(document))
  return { bytes, hash: createHash('sha512').update(bytes).digest('hex').slice(0, 64).toUpperCase() }
}
