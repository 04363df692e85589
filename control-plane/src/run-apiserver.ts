/** The API server's role: etcd, storage, registry and HTTP put together. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, type Clock, GROUPS, KINDS, type Logger } from '@davit/api'
import { CONTROLLERS, certificatesIn, type Pki } from '@davit/api/pki'
import { createAuthorizer, registryLookups } from './apiserver/authorization/index.ts'
import { type ApiServer, type HealthCheck, startApiServer } from './apiserver/http/index.ts'
import { bootstrap, createInProcessClient, createRegistry, type User } from './apiserver/registry/index.ts'
import { keepReplicaPublished } from './apiserver/replicas.ts'
import { createStreams } from './apiserver/streams/index.ts'
import { type AcceptingTunnels, createTunnels } from './apiserver/tunnel/index.ts'
import { beginTerm } from './leader/index.ts'
import { createMetrics } from './metrics.ts'
import type { ControlPlaneOptions } from './options.ts'
import { createJoinService } from './pki/index.ts'
import { createStorage, type EtcdStorage, runEmbeddedEtcd, startUpkeep } from './storage/index.ts'

export interface RunApiServerOptions {
  readonly options: ControlPlaneOptions
  readonly pki: Pki
  readonly clock: Clock
  readonly log: Logger
  /** Ends the start while it still goes on. */
  readonly signal: AbortSignal
}

export interface RunningApiServer {
  readonly server: ApiServer
  /** Straight to the registry, as the controllers' user. */
  readonly client: Client
  /** The same, for one term of the leadership `name`: once a later term has begun it writes nothing more. */
  clientForTerm(name: string, identity: string, signal: AbortSignal): Promise<Client>
  readonly tunnels: AcceptingTunnels
  /** What one process does for etcd on behalf of all; settles once `signal` has aborted. */
  keepUp(signal: AbortSignal): Promise<void>
  /** Ends tunnels and connections, then storage, then etcd. */
  close(): Promise<void>
}

/** etcd cannot be started or its certificates cannot be read. */
export class StartError extends Error {}

const CONTROLLERS_USER: User = { name: CONTROLLERS, groups: [CONTROLLERS, GROUPS.authenticated] }
/** The cache counts as stale for readiness when etcd was silent so long. */
const CACHE_AGE_MS_MAX = 10_000
const WAITING_TOLD_EVERY_MS = 3000

export async function runApiServer({ options, pki, clock, log, signal }: RunApiServerOptions): Promise<RunningApiServer> {
  const stopEtcd = new AbortController()
  const etcd = await connectEtcd(options, log, stopEtcd.signal)
  const storage = createStorage({ etcd: etcd.members, encryptionKeys: pki.encryptionKeys, log, clock })
  const { podCidr, serviceCidr, dnsAddress, nodePorts, advertiseAddress } = options
  const networks = { podCidr, serviceCidr, dnsAddress, nodePorts }
  const registry = createRegistry({ storage, kinds: KINDS, networks, clock, log })
  const close = async () => {
    await storage.close()
    stopEtcd.abort()
    await etcd.stopped
  }
  try {
    await startStorage(storage, { urls: etcd.members.urls, clock, log, signal })
    const fixtures = { serviceCidr, dnsAddress, apiPort: options.port }
    const { clusterId } = await bootstrap(registry, storage, signal, fixtures)
    const metrics = createMetrics()
    metrics.observeStorage(storage)
    const tunnels = createTunnels({ clock, log })
    const server = await startApiServer({
      registry,
      authorizer: createAuthorizer(registryLookups(registry)),
      identity: {
        certificateAuthority: pki.ca.certificate,
        ...pki.server,
        joins: createJoinService({ registry, storage, ca: pki.ca, clock, log }),
      },
      tunnels,
      streams: createStreams({ registry, tunnels, clock, log }),
      clusterInfo: async () => ({ clusterId, podCidr, serviceCidr, dnsAddress, clusterDomain: 'cluster.local' }),
      checks: checksOf(storage),
      port: options.port,
      bindAddress: options.bindAddress,
      log,
      clock,
      metrics,
      signal,
    })
    const client = createInProcessClient(registry, CONTROLLERS_USER)
    const stopPublishing = new AbortController()
    const published = keepReplicaPublished({
      client,
      name: options.name,
      address: advertiseAddress,
      publish: async (addresses, ends) => {
        const { publishEndpoints } = await bootstrap(registry, storage, ends, fixtures)
        // Pods reach the API by its Service only at an address that is not this machine's own loopback.
        const reachable = addresses.filter(address => !isLoopback(address))
        if (reachable.length > 0) await publishEndpoints(reachable, server.port)
      },
      clock,
      log,
      signal: stopPublishing.signal,
    })
    return {
      server,
      client,
      clientForTerm: async (name, identity, ends) => {
        const fenced = await beginTerm(storage, { name, identity, signal: ends })
        return createInProcessClient(createRegistry({ storage: fenced, kinds: KINDS, networks, clock, log }), CONTROLLERS_USER)
      },
      tunnels,
      keepUp: term => startUpkeep({ storage, log, clock, signal: term }),
      close: async () => {
        stopPublishing.abort()
        await published
        await tunnels.close()
        await server.close()
        await close()
      },
    }
  } catch (err) {
    await close()
    throw err
  }
}

interface StorageStart {
  readonly urls: readonly string[]
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Waits for etcd as long as it takes, and says so: replicas and etcd members may start in any order. */
async function startStorage(storage: EtcdStorage, { urls, clock, log, signal }: StorageStart): Promise<void> {
  const started = new AbortController()
  const remind = async () => {
    for (;;) {
      await clock.sleep(WAITING_TOLD_EVERY_MS, started.signal)
      log.warn({ urls }, 'Waiting for etcd: it does not answer yet')
    }
  }
  remind().catch(() => {})
  await storage.start(signal).finally(() => started.abort())
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === 'localhost'
}

function checksOf(storage: EtcdStorage): HealthCheck[] {
  return [
    { name: 'ping', live: true, check: () => {} },
    {
      name: 'etcd',
      check: async () => {
        await storage.currentRevision(AbortSignal.timeout(2000))
      },
    },
    {
      name: 'cache',
      check: () => {
        const { ready, ageMs, revision } = storage.health
        if (!ready) throw new Error('the watch cache is not filled yet')
        if (ageMs > CACHE_AGE_MS_MAX)
          throw new Error(`the watch cache stands at revision ${revision} and has not heard from etcd for ${Math.round(ageMs / 1000)} s`)
      },
    },
  ]
}

interface ConnectedEtcd {
  readonly members: { urls: string[]; certificateAuthority?: string; certificate?: string; key?: string }
  readonly stopped: Promise<void>
}

async function connectEtcd({ etcd, dataDir }: ControlPlaneOptions, log: Logger, signal: AbortSignal): Promise<ConnectedEtcd> {
  try {
    if (etcd === 'embedded') {
      const { urls, stopped } = await runEmbeddedEtcd({ dataDir: join(dataDir, 'etcd'), log, signal })
      return { members: { urls: [...urls] }, stopped }
    }
    const { urls, certificateAuthority, certificate, key } = etcd
    const members = {
      urls: [...urls],
      ...(certificateAuthority && { certificateAuthority: certificatesIn(await readFile(certificateAuthority, 'utf8')).join('') }),
      ...(certificate && { certificate: await readFile(certificate, 'utf8') }),
      ...(key && { key: await readFile(key, 'utf8') }),
    }
    return { members, stopped: Promise.resolve() }
  } catch (err) {
    throw new StartError((err as Error).message, { cause: err })
  }
}
