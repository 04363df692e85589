/** The demo that `up` ends with: a small Deployment that is served before the command returns. */
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Deployment, deploymentKind, type HttpClient, isReason, type KubernetesObject, kindFor, startInformer } from '@davit/api'
import { makeHelloImage } from '@davit/deploy'
import { parseAllDocuments } from 'yaml'
import { loadImage } from './load-image.ts'

const MANIFEST = fileURLToPath(new URL('../../../../deploy/examples/hello.yaml', import.meta.url))
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

export interface DemoResult {
  url: string
  /** What the replicas answered, each once. */
  answers: string[]
}

/** Builds the demo image and puts it onto every node. */
export async function loadDemoImage(client: HttpClient): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-hello-'))
  try {
    const archive = await makeHelloImage(dir)
    await loadImage(client, createReadStream(archive))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Creates the demo's objects unless they are there: what a user has changed since stays. */
export async function applyDemo(client: HttpClient): Promise<void> {
  for (const document of parseAllDocuments(await readFile(MANIFEST, 'utf8'))) {
    const object = document.toJS() as KubernetesObject
    const kind = kindFor(object.apiVersion, object.kind)
    if (!kind) throw new Error(`Cannot apply ${MANIFEST}: nobody serves ${object.apiVersion} ${object.kind}`)
    const metadata = { ...object.metadata, namespace: 'default' }
    const target = { name: object.metadata.name ?? '', namespace: 'default' }
    const isThere = await client
      .resource(kind)
      .get(target)
      .then(
        () => true,
        error => {
          if (isReason(error, 'NotFound')) return false
          throw error
        },
      )
    if (!isThere) await client.resource(kind).create({ ...object, metadata })
  }
}

/** Waits until every replica is ready, telling how many are. */
export async function waitForDemo(client: HttpClient, report: (ready: number, wanted: number) => void): Promise<number> {
  const stop = new AbortController()
  const deadline = AbortSignal.timeout(120_000)
  try {
    const informer = startInformer(client, deploymentKind, {
      namespace: 'default',
      fieldSelector: 'metadata.name=hello',
      signal: stop.signal,
      log: SILENT,
    })
    await informer.synced
    return await new Promise((resolve, reject) => {
      deadline.addEventListener('abort', () =>
        reject(new Error('The demo is not ready after 120 s; see "npx davit describe pods -l app=hello"')),
      )
      const look = (deployment: Deployment | undefined) => {
        const wanted = deployment?.spec?.replicas ?? 1
        const ready = deployment?.status?.readyReplicas ?? 0
        report(ready, wanted)
        if (deployment && ready >= wanted && deployment.status?.observedGeneration === deployment.metadata.generation) resolve(wanted)
      }
      informer.onChange(({ object }) => look(object))
    })
  } finally {
    stop.abort()
  }
}

/** Requests the demo until every replica has answered. */
export async function callDemo(addresses: readonly string[], replicas: number): Promise<DemoResult> {
  const answers = new Set<string>()
  const deadline = performance.now() + 20_000
  let failure: unknown
  for (let turn = 0; answers.size < replicas; turn++) {
    if (performance.now() > deadline) {
      throw new Error(`Only ${answers.size} of ${replicas} replicas answered at port 30080 within 20 s`, { cause: failure })
    }
    await fetchText(`http://${addresses[turn % addresses.length]}:30080/`).then(
      text => answers.add(text.trim()),
      async error => {
        failure = error
        await new Promise(resolve => setTimeout(resolve, 100))
      },
    )
  }
  return { url: `http://${addresses[0]}:30080`, answers: [...answers].sort() }
}

/** On a connection of its own, so that each request may reach another replica. */
function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 3_000 }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.once('end', () => (response.statusCode === 200 ? resolve(body) : reject(new Error(`HTTP ${response.statusCode}`))))
      response.once('error', reject)
    })
    request.once('timeout', () => request.destroy(new Error('No answer within 3 s')))
    request.once('error', reject)
  })
}
