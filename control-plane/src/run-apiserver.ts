/** The API server's role: etcd, storage, registry and HTTP put together. */

import { join } from 'node:path'
import { type Client, type Clock, createEventRecorder, GROUPS, KINDS, type Logger, REVIEW_KINDS, unavailable } from '@davit/api'
import { CONTROLLERS, loadOrCreateFrontProxy } from '@davit/api/pki'
import { createAccountTokens, createAuthenticateToken, withBootstrapTokens } from './apiserver/accounts/index.ts'
import { createAggregation, publishAuthentication } from './apiserver/aggregation/index.ts'
import { createAccessGuard, createAsker, createAuthorizer, type GrantParts, registryLookups } from './apiserver/authorization/index.ts'
import { conversionByWebhook, followDefinitions } from './apiserver/custom-resources/index.ts'
import { createDialer, lookupsOf } from './apiserver/dial/index.ts'
import { createFlowControl, followFlowControl } from './apiserver/flow-control/index.ts'
import { type ApiServer, type HealthCheck, startApiServer } from './apiserver/http/index.ts'
import { answeredOnceSeen, followRoles, reconcilePolicy } from './apiserver/rbac/index.ts'
import { bootstrap, createInProcessClient, createRegistry, QuotaLedger, type User } from './apiserver/registry/index.ts'
import { keepReplicaPublished, peersOf, replicaLease } from './apiserver/replicas.ts'
import { createStreams } from './apiserver/streams/index.ts'
import { type AcceptingTunnels, createTunnels, Relays } from './apiserver/tunnel/index.ts'
import { WebhookClient, type WebhookTransport } from './apiserver/webhooks/index.ts'
import { createBackups, runBackupSchedule } from './backup/index.ts'
import { followEtcdCredentials, readEtcdCredentials } from './etcd-credentials.ts'
import { KindRegistry } from './kind-registry.ts'
import { beginTerm } from './leader/index.ts'
import { createMetrics } from './metrics.ts'
import type { ControlPlaneOptions } from './options.ts'
import { adoptAuthorities, createJoinService, followAuthorities, type LivePki } from './pki/index.ts'
import { createStorage, type EtcdCredentials, type EtcdStorage, runEmbeddedEtcd, startUpkeep } from './storage/index.ts'

export interface RunApiServerOptions {
  readonly options: ControlPlaneOptions
  readonly pki: LivePki
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
  /** Every kind served. */
  readonly kinds: KindRegistry
  /** What one process does for etcd on behalf of all, writing as `client`; settles once `signal` has aborted. */
  keepUp(client: Client, identity: string, signal: AbortSignal): Promise<void>
  /** Tells clients and load balancers to look elsewhere, before leader work ends and `close` follows. */
  beginShutdown(): void
  /** Ends tunnels and connections, then storage, then etcd. */
  close(): Promise<void>
}

/** etcd cannot be started or its certificates cannot be read. */
export class StartError extends Error {}

const CONTROLLERS_USER: User = { name: CONTROLLERS, groups: [CONTROLLERS, GROUPS.authenticated] }
/** The cache counts as stale for readiness when etcd was silent so long. */
const CACHE_AGE_MS_MAX = 10_000
const WAITING_TOLD_EVERY_MS = 3000
/** What a conversion webhook has for one answer, as in Kubernetes. */
const CONVERSION_SECONDS = 30

export async function runApiServer({ options, pki, clock, log, signal }: RunApiServerOptions): Promise<RunningApiServer> {
  const tokens = await createAccountTokens(pki.serviceAccountKey, clock)
  const stopEtcd = new AbortController()
  const etcd = await connectEtcd(options, log, stopEtcd.signal)
  const storage = createStorage({
    etcd: { urls: etcd.urls, ...etcd.credentials },
    name: options.name,
    encryptionKeys: pki.encryptionKeys,
    // It listens on this machine's loopback, and only the process that holds its folder uses it.
    isSoleWriter: options.etcd === 'embedded',
    log,
    clock,
  })
  const { podCidr, serviceCidr, dnsAddress, nodePorts, advertiseAddress } = options
  const networks = { podCidr, serviceCidr, dnsAddress, nodePorts }
  let grantParts: GrantParts | undefined
  const guard = createAccessGuard(() => {
    if (!grantParts) throw unavailable('Roles are not known yet')
    return grantParts
  })
  // Until nodes can be reached no webhook is asked: what a replica writes as it starts must not wait for one that starts after it.
  let webhookTransport: WebhookTransport | undefined
  const webhooks = () => webhookTransport
  const kinds = new KindRegistry(KINDS)
  const conversions = new WebhookClient()
  const convert = conversionByWebhook(async (clientConfig, body, signal) => {
    const { dialService } = webhookTransport ?? {}
    if (!dialService) throw new Error('nodes cannot be reached yet')
    return conversions.ask({ clientConfig, body, seconds: CONVERSION_SECONDS, signal }, dialService)
  })
  const registryOptions = { kinds, convert, networks, clock, log, tokens, guard, webhooks, ledger: new QuotaLedger(clock) }
  const registry = createRegistry({ storage, ...registryOptions })
  const stopFollowing = new AbortController()
  const close = async () => {
    stopFollowing.abort()
    await storage.close()
    stopEtcd.abort()
    await etcd.stopped
  }
  try {
    await startStorage(storage, { urls: etcd.urls, clock, log, signal })
    const fixtures = { serviceCidr, dnsAddress, apiPort: options.port }
    const { clusterId } = await bootstrap(registry, storage, signal, fixtures)
    const client = createInProcessClient(registry, CONTROLLERS_USER)
    await adoptAuthorities({ client, pki, clock, log, signal })
    await reconcilePolicy(client, signal)
    const definitions = followDefinitions({ client, kinds, storage, clock, log, signal: stopFollowing.signal })
    await definitions.synced
    const roles = followRoles(client, { clock, log, signal: stopFollowing.signal })
    await roles.synced
    const authorizer = createAuthorizer(registryLookups(registry), roles.index)
    grantParts = { authorizer, roles: roles.index }
    const flowControl = createFlowControl({ seats: options.requestsInFlightMax, clock })
    followFlowControl(client, flowControl, { clock, log, signal: stopFollowing.signal })
    const metrics = createMetrics()
    metrics.observeFlowControl(flowControl.stats)
    metrics.observeStorage(storage)
    metrics.observeCertificates(() => pki.held(), clock)
    const backups = createBackups({
      storage,
      client,
      pkiDir: options.pkiDir,
      cluster: { id: clusterId, name: 'davit' },
      networks: { pods: podCidr, services: serviceCidr, dns: dnsAddress },
      clock,
      log,
    })
    const certificates = () => ({ certificateAuthority: pki.ca.bundle, ...pki.server })
    const peers = async () => (await peersOf(client, options.name)).map(({ name, address, port }) => ({ name, url: urlOf(address, port) }))
    const tunnels = createTunnels({ relays: new Relays({ peers, credentials: certificates, clock, log }), clock, log })
    const lookups = lookupsOf(registry)
    const dialer = createDialer({ lookups, tunnels, clock })
    const frontProxyOptions = { dir: options.pkiDir, clock, jitter: Math.random() }
    let frontProxy = await loadOrCreateFrontProxy(frontProxyOptions)
    const following = { client, clock, log, signal: stopFollowing.signal }
    const certificate = () => frontProxy.client
    const aggregation = createAggregation({ ...following, lookups, dialer, certificate, kinds, questions: REVIEW_KINDS })
    webhookTransport = { dialService: dialer.dialService, authorize: createAsker(authorizer) }
    const server = await startApiServer({
      registry: answeredOnceSeen(registry, roles),
      awaitKind: (group, plural) => definitions.awaitKind(group, plural),
      authorizer,
      flowControl,
      identity: {
        certificates,
        onRenewal: listener => pki.onChange(listener),
        authenticateToken: withBootstrapTokens(createAuthenticateToken(tokens, registry, clock), {
          registry,
          audiences: tokens.audiences,
          clock,
        }),
        openId: tokens.openId,
        joins: createJoinService({ registry, storage, ca: () => pki.ca, nodeLifetimeMs: options.nodeCertificateLifetimeMs, clock, log }),
      },
      tunnels,
      aggregation,
      streams: createStreams({ registry, tunnels, lookups, dialer, clock, log }),
      clusterInfo: async () => ({
        clusterId,
        podCidr,
        serviceCidr,
        dnsAddress,
        clusterDomain: 'cluster.local',
        certificateAuthority: pki.ca.bundle,
      }),
      backups,
      checks: checksOf(storage),
      port: options.port,
      bindAddress: options.bindAddress,
      log,
      clock,
      metrics,
      signal,
    })
    const stopPublishing = new AbortController()
    const background = { clock, log, signal: stopPublishing.signal }
    const events = createEventRecorder(client, { component: 'apiserver', ...background })
    pki.onWarning = message => events.event(replicaLease(options.name), 'Warning', 'CertificateExpires', message)
    followAuthorities({ client, pki, ...background })
    if (options.etcd !== 'embedded') void followEtcdCredentials(options.etcd, etcd.credentials, { storage, ...background })
    const authorities = async () => {
      frontProxy = await loadOrCreateFrontProxy(frontProxyOptions)
      return { clients: pki.ca.bundle, frontProxy: frontProxy.authority }
    }
    const authenticationPublished = publishAuthentication({ client, authorities, ...background })
    const published = keepReplicaPublished({
      client,
      name: options.name,
      address: advertiseAddress,
      port: server.port,
      annotations: () => pki.annotations(),
      onAnnotationsChange: listener => pki.onChange(listener),
      publish: async (replicas, ends) => {
        const { publishEndpoints } = await bootstrap(registry, storage, ends, fixtures)
        // Pods reach the API by its Service only at an address that is not this machine's own loopback.
        const reachable = replicas.filter(({ address }) => !isLoopback(address))
        if (reachable.length > 0) await publishEndpoints(reachable)
      },
      ...background,
    })
    return {
      server,
      client,
      clientForTerm: async (name, identity, ends) => {
        const fenced = await beginTerm(storage, { name, identity, signal: ends })
        return createInProcessClient(createRegistry({ storage: fenced, ...registryOptions }), CONTROLLERS_USER)
      },
      tunnels,
      kinds,
      keepUp: async (client, identity, term) => {
        const common = { clock, log, signal: term }
        await Promise.all([startUpkeep({ storage, ...common }), runBackupSchedule({ client, backups, identity, ...common })])
      },
      beginShutdown: () => {
        server.beginShutdown()
        stopPublishing.abort()
      },
      close: async () => {
        stopPublishing.abort()
        await Promise.all([published, authenticationPublished])
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

function urlOf(address: string, port: number): string {
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`
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
  readonly urls: readonly string[]
  readonly credentials: EtcdCredentials
  readonly stopped: Promise<void>
}

async function connectEtcd({ etcd, dataDir }: ControlPlaneOptions, log: Logger, signal: AbortSignal): Promise<ConnectedEtcd> {
  try {
    if (etcd !== 'embedded') return { urls: etcd.urls, credentials: await readEtcdCredentials(etcd), stopped: Promise.resolve() }
    const { urls, stopped } = await runEmbeddedEtcd({ dataDir: join(dataDir, 'etcd'), log, signal })
    return { urls, credentials: {}, stopped }
  } catch (err) {
    throw new StartError((err as Error).message, { cause: err })
  }
}
