/**
 * Says of ValidatingAdmissionPolicies which generation is at work: whoever writes one waits for that. A policy is only stored once all of
 * its expressions compile; they are not compared with the schemas of what they judge, so nothing is said of types.
 */
import { isReason, runController, type ValidatingAdmissionPolicy, validatingAdmissionPolicyKind, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'

/** Settles when the context's signal aborts. */
export async function runAdmissionPolicyController({ client, clock, log, signal, informer }: ControllerContext): Promise<void> {
  const policies = informer(validatingAdmissionPolicyKind)
  await policies.synced
  const queue = new WorkQueue({ clock })
  policies.onChange(({ key }) => queue.add(key))
  const reconcile = async (name: string) => {
    const policy = policies.cache.get(name)
    const status = policy && planStatus(policy)
    if (!status) return
    try {
      const patch = { type: 'merge', body: { status } } as const
      await client.resource(validatingAdmissionPolicyKind).patch({ name }, patch, { subresource: 'status', signal })
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
  }
  await runController(queue, reconcile, { log, signal })
}

/** What the status is to say; undefined when it does. */
export function planStatus({ metadata, status }: ValidatingAdmissionPolicy): { observedGeneration: number } | undefined {
  const { generation } = metadata
  return generation === undefined || generation <= (status?.observedGeneration ?? 0) ? undefined : { observedGeneration: generation }
}
