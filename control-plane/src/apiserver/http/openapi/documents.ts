/** The documents, made on first use: one for each group and version, and one of version 2 for all. */
import { createHash } from 'node:crypto'
import { type Kind, SPOKEN_KINDS } from '@davit/api'
import { groupVersions } from '../discovery/resources.ts'
import { VERSION_INFO } from '../version.ts'
import { componentsOf } from './components.ts'
import { ComponentNames } from './names.ts'
import { pathsOf, spokenBy } from './paths.ts'
import { type DocumentV3, swaggerOf } from './v2.ts'

export interface Document {
  readonly bytes: Buffer
  readonly hash: string
}

export interface Documents {
  /** By path below `/openapi/v3/`, such as `apis/apps/v1`. */
  v3(): Promise<ReadonlyMap<string, Document>>
  v2(): Promise<Document>
}

const INFO = { title: 'Kubernetes', version: VERSION_INFO.gitVersion }

export function createDocuments(kinds: readonly Kind[]): Documents {
  let three: Promise<Map<string, Document>> | undefined
  let two: Promise<Document> | undefined
  return {
    v3: () => {
      three ??= makeV3(kinds)
      return three
    },
    v2: () => {
      two ??= makeV2(kinds)
      return two
    },
  }
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

async function makeV3(kinds: readonly Kind[]): Promise<Map<string, Document>> {
  const documents = new Map<string, Document>()
  for await (const { path, document } of eachDocument(kinds)) documents.set(path, written(document))
  return documents
}

async function makeV2(kinds: readonly Kind[]): Promise<Document> {
  const documents: DocumentV3[] = []
  for await (const { document } of eachDocument(kinds)) documents.push(document)
  return written(swaggerOf(documents, INFO))
}

/** One at a time: each takes milliseconds, and others wait for the loop. */
async function* eachDocument(kinds: readonly Kind[]): AsyncGenerator<{ path: string; document: DocumentV3 }> {
  const names = namesOf(kinds)
  for (const { group, version, resources } of groupVersions(kinds)) {
    await new Promise(resolve => setImmediate(resolve))
    const members = resources.map(({ kind }) => kind)
    yield { path: group ? `apis/${group}/${version}` : `api/${version}`, document: documentOf(members, names) }
  }
}

function written(document: object): Document {
  const bytes = Buffer.from(JSON.stringify(document))
  return { bytes, hash: createHash('sha512').update(bytes).digest('hex').slice(0, 64).toUpperCase() }
}
