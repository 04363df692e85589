/** Makes what admission reads from the cache count once its write is answered: the next request is judged by it. */
import {
  type Kind,
  limitRangeKind,
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  mutatingWebhookConfigurationKind,
  qualifiedResource,
  resourceQuotaKind,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
  validatingWebhookConfigurationKind,
} from '@davit/api'
import type { Storage, Stored } from '../../storage/types.ts'
import type { Registry } from './types.ts'

/** A write is answered after so long even if this replica has not seen it yet. */
const SEEN_MS_MAX = 3000

const JUDGED_BY: ReadonlySet<string> = new Set(
  [
    limitRangeKind,
    resourceQuotaKind,
    mutatingWebhookConfigurationKind,
    validatingWebhookConfigurationKind,
    mutatingAdmissionPolicyKind,
    mutatingAdmissionPolicyBindingKind,
    validatingAdmissionPolicyKind,
    validatingAdmissionPolicyBindingKind,
  ].map(qualifiedResource),
)

/** The registry, whose writes of what others are judged by are answered once the cache of this replica has them. */
export function answeredOnceCached(registry: Registry, storage: Pick<Storage, 'reached'>): Registry {
  const seen = async (kind: Kind, revision: number): Promise<void> => {
    if (revision > 0 && JUDGED_BY.has(qualifiedResource(kind))) {
      await storage.reached(revision, AbortSignal.timeout(SEEN_MS_MAX)).catch(() => {})
    }
  }
  const once = async <S extends Stored>(kind: Kind, stored: S): Promise<S> => {
    await seen(kind, stored.revision)
    return stored
  }
  return {
    ...registry,
    create: async (context, kind, namespace, body) => once(kind, await registry.create(context, kind, namespace, body)),
    update: async (context, kind, target, body, subresource) => once(kind, await registry.update(context, kind, target, body, subresource)),
    patch: async (context, kind, target, patch, subresource) => once(kind, await registry.patch(context, kind, target, patch, subresource)),
    delete: async (context, kind, target, request) => {
      const deletion = await registry.delete(context, kind, target, request)
      await seen(kind, deletion.object.revision)
      return deletion
    },
    deleteCollection: async (context, kind, options, request) => {
      const deleted = await registry.deleteCollection(context, kind, options, request)
      await seen(kind, Math.max(0, ...deleted.map(({ revision }) => revision)))
      return deleted
    },
  }
}
