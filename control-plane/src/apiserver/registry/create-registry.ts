import {
  apiError,
  bindingKind,
  type Clock,
  evictionKind,
  isReason,
  type Kind,
  type Logger,
  qualifiedResource,
  type Target,
  tokenRequestKind,
} from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { Storage, Stored } from '../../storage/types.ts'
import type { WebhookTransport } from '../webhooks/index.ts'
import { requestToken } from './accounts/token-request.ts'
import { QuotaLedger } from './admission/quota/ledger.ts'
import { Admissions } from './admission/rules.ts'
import { createPools, type Networks } from './allocation/pools.ts'
import { answeredOnceCached } from './answered-once-cached.ts'
import { type ApplyRequest, applyToStored } from './apply-to-stored.ts'
import { create } from './create.ts'
import { deleteObject } from './delete.ts'
import { NamespaceGuard } from './namespace-guard.ts'
import { PATCH_TRIES, patchAsWanted } from './patch.ts'
import { bind, success } from './pods/binding.ts'
import { evict } from './pods/eviction.ts'
import { Reader } from './read.ts'
import { Resources, targetOf } from './resources.ts'
import { patchedScaleAsWanted, scaleAsWanted } from './scale.ts'
import { scaleOf } from './scale-of.ts'
import type { AccessGuard, DeletionRequest, Registry, RequestContext, TokenSigner } from './types.ts'
import { bodyAsWanted, type Part, type UpdateRequest, update } from './update.ts'
import type { ConvertByWebhook } from './versioned-resource.ts'
import { versionedStorage } from './versioned-storage.ts'
import { withViews } from './views.ts'

export interface RegistryOptions {
  storage: Storage
  /** Of those that users define the caller tells storage itself. */
  kinds: KindRegistry
  networks: Networks
  clock: Clock
  log: Logger
  /** How long pods stay on a node that is not ready when their manifest does not say; default 3. */
  defaultTolerationSeconds?: number
  /** Signs ServiceAccount tokens; without it none are given. */
  tokens?: TokenSigner
  /** Without it nobody but the cluster's own writes roles and bindings. */
  guard?: AccessGuard
  /** Without it objects are not changed from one version to another by webhooks. */
  convert?: ConvertByWebhook
  /** Shared by the registries of one process. */
  ledger?: QuotaLedger
  /** How webhooks are reached; without it, and while it gives nothing, none are asked. */
  webhooks?: () => WebhookTransport | undefined
}

const PARTS: Readonly<Record<string, Part>> = {
  status: 'status',
  scale: 'object',
  finalize: 'finalize',
  ephemeralcontainers: 'ephemeralcontainers',
  resize: 'resize',
  approval: 'approval',
}
/** What is posted to the subresources that are no part of their object. */
const POSTED: Readonly<Record<string, Pick<Kind, 'group' | 'version' | 'kind'>>> = {
  binding: bindingKind,
  eviction: evictionKind,
  token: tokenRequestKind,
}
const DELETIONS_AT_ONCE = 16

/** Where no webhook can be asked. */
const noConversion: ConvertByWebhook = async () => {
  throw apiError('InternalError', 'conversion webhooks cannot be asked here')
}

/** Makes the registry and tells `storage`, which must not have been started, of every kind that is always there. */
export function createRegistry({
  storage: plain,
  kinds,
  networks,
  clock,
  defaultTolerationSeconds = 3,
  tokens,
  guard,
  convert = noConversion,
  ledger = new QuotaLedger(clock),
  webhooks,
  log,
}: RegistryOptions): Registry {
  const resources = new Resources(kinds, convert)
  for (const resource of resources.all()) plain.register(resource)
  const storage = versionedStorage(plain, kinds, convert)
  const pools = createPools(storage, clock, networks)
  const admissions = new Admissions({
    storage,
    resources,
    pools,
    clock,
    defaultTolerationSeconds,
    ledger,
    log,
    ...(guard && { guard }),
    ...(webhooks && { webhooks }),
  })
  const namespaces = new NamespaceGuard(storage, resources)
  const reader = new Reader(storage, resources)
  const dependencies = { storage, resources, clock, admissions, namespaces, versions: (kind: Kind) => resources.versions(kind) }

  /** Updates of a Scale are answered with the Scale. */
  const write = async (context: RequestContext, request: Omit<UpdateRequest, 'part'>, subresource: string | undefined): Promise<Stored> => {
    const stored = await update(dependencies, context, { ...request, subresource, part: partOf(request.kind, subresource) })
    return subresource === 'scale' ? asScale(request.kind, stored) : stored
  }

  const apply = async (context: RequestContext, request: ApplyRequest): Promise<Stored & { created?: boolean }> => {
    const { stored, subresource } = request
    const done = await applyToStored(dependencies, context, { ...request, part: partOf(stored, subresource) })
    return subresource === 'scale' ? asScale(stored, done) : done
  }

  const remove = (context: RequestContext, kind: Kind, target: Target, request: DeletionRequest) =>
    deleteObject(dependencies, context, kind, { target, request })

  const registry = withViews(
    {
      kinds,
      get: (context, kind, target, options) => reader.get(context, kind, target, options),
      list: (context, kind, options) => reader.list(context, kind, options),
      watch: (context, kind, parameters) => reader.watch(context, kind, parameters),
      create: (context, kind, namespace, body) => create(dependencies, context, kind, { namespace, body }),
      update: async (context, kind, target, body, subresource) => {
        const wanted = subresource === 'scale' ? scaleAsWanted(kind, body, context) : bodyAsWanted(kind, body, context)
        return write(context, { kind, target, wanted }, subresource)
      },
      patch: async (context, kind, target, patch, subresource) => {
        if (patch.type === 'apply') return apply(context, { spoken: kind, stored: kind, target, body: patch.body, subresource })
        const wanted = subresource === 'scale' ? patchedScaleAsWanted(kind, patch, context) : patchAsWanted(kind, patch, context)
        return write(context, { kind, target, wanted, tries: PATCH_TRIES }, subresource)
      },
      getScale: async (context, kind, target) => scaleOf(kind, (await reader.get(context, kind, target)).object),
      delete: remove,
      deleteCollection: async (context, kind, options, request) => {
        // As in Kubernetes: nobody empties a cluster by leaving out a name.
        if (qualifiedResource(kind) === 'namespaces') throw methodNotAllowed()
        return deleteAll(await reader.list(context, kind, options), context, kind, request)
      },
      post: async (context, kind, target, subresource, sent) => {
        checkSubresource(kind, subresource)
        const type = POSTED[subresource]
        if (!type) throw methodNotAllowed()
        const body =
          typeof sent === 'object' && sent !== null
            ? await admissions.review({ kind, context, target, subresource, operation: 'CREATE', type, body: sent })
            : sent
        if (qualifiedResource(kind) === 'pods' && subresource === 'binding') return bind(dependencies, context, kind, { target, body })
        if (qualifiedResource(kind) === 'pods' && subresource === 'eviction') {
          await evict(dependencies, context, kind, { target, body })
          return success(201)
        }
        if (qualifiedResource(kind) === 'serviceaccounts' && subresource === 'token' && tokens) {
          return requestToken({ storage, resources, clock, tokens }, context, kind, { target, body })
        }
        throw methodNotAllowed()
      },
      connect: async (context, kind, target, subresource, options) => {
        const { apiVersion: version, kind: name } = options
        await admissions.review({
          kind,
          context,
          target,
          subresource,
          operation: 'CONNECT',
          type: { group: '', version, kind: name },
          body: options,
        })
      },
    },
    resources,
    { write, apply },
  )
  return answeredOnceCached(registry, storage)

  async function deleteAll(
    { items }: { items: Stored[] },
    context: RequestContext,
    kind: Kind,
    request: DeletionRequest,
  ): Promise<Stored[]> {
    const deleted: Stored[] = []
    const queue = items.values()
    const work = async () => {
      for (const { object } of queue) {
        try {
          deleted.push((await remove(context, kind, targetOf(object), request)).object)
        } catch (error) {
          if (!isReason(error, 'NotFound')) throw error
        }
      }
    }
    await Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, work))
    return deleted
  }
}

function methodNotAllowed(): Error {
  return apiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
}

function partOf(kind: Kind, subresource: string | undefined): Part {
  if (!subresource) return 'object'
  checkSubresource(kind, subresource)
  const part = PARTS[subresource]
  if (!part) throw methodNotAllowed()
  return part
}

function checkSubresource(kind: Kind, subresource: string): void {
  if (!kind.subresources.some(known => known === subresource)) {
    throw apiError('NotFound', 'the server could not find the requested resource')
  }
}

function asScale(kind: Kind, { key, revision, object }: Stored): Stored {
  const scale = scaleOf(kind, object)
  return { key, revision, object: scale, bytes: Buffer.from(JSON.stringify(scale)) }
}
