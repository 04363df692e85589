/** Archives of the whole cluster: what etcd holds, and the keys without which that is worth nothing. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, type Clock, DAVIT_VERSION, formatTime, type Logger, leaseKind, NAMESPACES, unavailable } from '@davit/api'
import { type BackupManifest, type BackupSecret, createArchive, type Part, PKI_PREFIX, SNAPSHOT_PART } from '@davit/api/backup'
import type { EtcdSnapshot, EtcdStorage } from '../storage/index.ts'

export interface BackupsOptions {
  readonly storage: Pick<EtcdStorage, 'snapshot'>
  readonly client: Client
  /** The control plane's keys. */
  readonly pkiDir: string
  readonly cluster: BackupManifest['cluster']
  readonly networks: BackupManifest['networks']
  readonly clock: Clock
  readonly log: Logger
}

/** An archive under way. */
export interface Backup {
  /** Milliseconds since the epoch: everything acknowledged before is in it. */
  readonly startedMs: number
  readonly revision: number
  /** Throws ApiError when etcd breaks off: what came until then is no archive. */
  readonly content: AsyncIterable<Buffer>
}

export interface Backups {
  readonly cluster: BackupManifest['cluster']
  /** `signal` must abort in the end. Throws ApiError when etcd cannot be read or too many are under way. */
  begin(secret: BackupSecret, signal: AbortSignal): Promise<Backup>
}

/** Each costs memory and etcd's attention. */
const PARALLEL_MAX = 2
/** Made anew wherever they are missing; all else in the directory belongs to the cluster. */
const RENEWABLE = new Set(['server.pem', 'admin.pem', 'controllers.pem', 'etcd-client.pem', 'front-proxy-ca.pem', 'front-proxy-client.pem'])

export function createBackups({ storage, client, pkiDir, cluster, networks, clock, log }: BackupsOptions): Backups {
  let underWay = 0
  const end = () => {
    underWay--
  }
  return {
    cluster,
    async begin(secret, signal) {
      signal.throwIfAborted()
      if (underWay >= PARALLEL_MAX) throw unavailable(`${underWay} backups are being made here already`, 10)
      underWay++
      signal.addEventListener('abort', end, { once: true })
      const startedMs = clock.now()
      const snapshot = await storage.snapshot(signal)
      const manifest = {
        cluster,
        created: formatTime(startedMs),
        etcd: { version: snapshot.etcdVersion, revision: snapshot.revision },
        controlPlanes: await controlPlanes(client, signal),
        networks,
      }
      log.info({ revision: snapshot.revision, version: DAVIT_VERSION }, 'A backup begins')
      return { startedMs, revision: snapshot.revision, content: createArchive({ manifest, parts: partsOf(pkiDir, snapshot) }, secret) }
    },
  }
}

async function* partsOf(pkiDir: string, snapshot: EtcdSnapshot): AsyncGenerator<Part, void, void> {
  yield { name: SNAPSHOT_PART, content: snapshot.content }
  // After the snapshot: a key that encrypts something in it was in the directory before.
  for (const entry of (await readdir(pkiDir, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isFile() || RENEWABLE.has(entry.name) || !/\.(pem|key|json)$/.test(entry.name)) continue
    yield { name: PKI_PREFIX + entry.name, content: [await readFile(join(pkiDir, entry.name))] }
  }
}

async function controlPlanes(client: Client, signal: AbortSignal): Promise<BackupManifest['controlPlanes']> {
  const { items } = await client
    .resource(leaseKind)
    .list({ namespace: NAMESPACES.system, labelSelector: 'davit.dev/apiserver=true', resourceVersion: '0', signal })
  return items.map(({ metadata: { name = '', annotations = {} } }) => ({
    name: name.replace(/^apiserver-/, ''),
    address: annotations['davit.dev/apiserver-address'] ?? '',
  }))
}
