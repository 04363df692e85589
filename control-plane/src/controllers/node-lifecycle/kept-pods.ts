import type { Pod } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { OUT_OF_SERVICE_TAINT } from './plan.ts'

/** Pods that stay on lost nodes, so that each is told of once an outage. */
export class KeptPods {
  readonly #byNode = new Map<string, ReadonlySet<string>>()

  tell(node: string, keep: readonly { pod: Pod; why: string }[], { events }: Pick<ControllerContext, 'events'>): void {
    const before = this.#byNode.get(node)
    for (const { pod, why } of keep) {
      if (before?.has(pod.metadata.uid ?? '')) continue
      const way = `delete the Node or give it the taint ${OUT_OF_SERVICE_TAINT}`
      events.event(
        pod,
        'Warning',
        'KeptOnLostNode',
        `Not moved though node ${node} is lost, because ${why}. If the machine is down for good, ${way}`,
      )
    }
    if (keep.length === 0) this.#byNode.delete(node)
    else this.#byNode.set(node, new Set(keep.map(({ pod }) => pod.metadata.uid ?? '')))
  }
}
