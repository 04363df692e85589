/** Keeps a `RoleIndex` what the cluster's roles are, and makes a change of roles count once its write is answered. */
import {
  type Client,
  type Clock,
  clusterRoleBindingKind,
  clusterRoleKind,
  type Informer,
  type Kind,
  type KubernetesObject,
  type Logger,
  qualifiedResource,
  roleBindingKind,
  roleKind,
  startInformer,
} from '@davit/api'
import type { Stored } from '../../storage/types.ts'
import type { Registry } from '../registry/index.ts'
import { RoleIndex } from './role-index.ts'

/** A write is answered after so long even if this replica has not seen it yet. */
const SEEN_MS_MAX = 3000

const KINDS = [clusterRoleKind, clusterRoleBindingKind, roleKind, roleBindingKind] as unknown as readonly Kind[]

export interface FollowedRoles {
  readonly index: RoleIndex
  /** Resolves once the index has all there is. */
  readonly synced: Promise<void>
  /** Resolves once the index shows `revision` of a kind, at once for other kinds; also after 3 s, whatever it shows. */
  seen(kind: Kind, revision: number): Promise<void>
}

/** Goes on until `signal` aborts. */
export function followRoles(client: Client, { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal }): FollowedRoles {
  const index = new RoleIndex()
  const informers = new Map<string, Informer<KubernetesObject>>()
  for (const kind of KINDS) {
    const informer = startInformer<KubernetesObject>(client, kind, { clock, log, signal })
    informer.onChange(({ type, object }) => (type === 'deleted' ? index.delete(object) : index.set(object)))
    informers.set(qualifiedResource(kind), informer)
  }
  return {
    index,
    synced: Promise.all([...informers.values()].map(({ synced }) => synced)).then(() => {}),
    async seen(kind, revision) {
      await informers
        .get(qualifiedResource(kind))
        ?.reached(String(revision), AbortSignal.timeout(SEEN_MS_MAX))
        .catch(() => {})
    },
  }
}

/** The registry, whose writes of roles and bindings are answered once `roles` shows them: the next request is judged by them. */
export function answeredOnceSeen(registry: Registry, roles: FollowedRoles): Registry {
  const seen = async (kind: Kind, stored: Stored): Promise<Stored> => {
    await roles.seen(kind, stored.revision)
    return stored
  }
  return {
    ...registry,
    create: async (context, kind, namespace, body) => seen(kind, await registry.create(context, kind, namespace, body)),
    update: async (context, kind, target, body, subresource) => seen(kind, await registry.update(context, kind, target, body, subresource)),
    patch: async (context, kind, target, patch, subresource) => seen(kind, await registry.patch(context, kind, target, patch, subresource)),
    delete: async (context, kind, target, request) => {
      const deletion = await registry.delete(context, kind, target, request)
      await seen(kind, deletion.object)
      return deletion
    },
    deleteCollection: async (context, kind, options, request) => {
      const deleted = await registry.deleteCollection(context, kind, options, request)
      await roles.seen(kind, Math.max(0, ...deleted.map(({ revision }) => revision)))
      return deleted
    },
  }
}
