/** Keeps flow control at what its objects say, and its objects at what every cluster has. */
import {
  type Client,
  type Clock,
  flowSchemaKind,
  formatTime,
  isReason,
  type Logger,
  priorityLevelConfigurationKind,
  runController,
  startInformer,
  WorkQueue,
} from '@davit/api'
import type { ConfigurableFlowControl } from './create-flow-control.ts'
import { type Action, planUpkeep } from './upkeep.ts'

const KEY = 'flow-control'
/** Changes that come together are taken over together. */
const SETTLE_MS = 20

export interface FollowOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Goes on until `signal` aborts. Every API server does this; what one has written the others find. */
export function followFlowControl(client: Client, flowControl: ConfigurableFlowControl, { clock, log, signal }: FollowOptions): void {
  const schemas = startInformer(client, flowSchemaKind, { clock, log, signal })
  const levels = startInformer(client, priorityLevelConfigurationKind, { clock, log, signal })
  const queue = new WorkQueue({ clock, backoffMs: { min: 100, max: 60_000 } })
  const reconcile = async () => {
    await Promise.all([schemas.synced, levels.synced])
    const observed = { schemas: [...schemas.cache.list()], levels: [...levels.cache.list()] }
    flowControl.configure(observed.schemas, observed.levels)
    for (const action of planUpkeep(observed, formatTime(clock.now()))) await perform(client, action, signal)
  }
  for (const informer of [schemas, levels]) informer.onChange(() => queue.addAfter(KEY, SETTLE_MS))
  queue.add(KEY)
  void runController(queue, reconcile, { log, signal })
}

async function perform(client: Client, action: Action, signal: AbortSignal): Promise<void> {
  switch (action.kind) {
    case 'create-level':
      await client.resource(priorityLevelConfigurationKind).create(action.level, { signal }).catch(unless('AlreadyExists'))
      return
    case 'create-schema':
      await client.resource(flowSchemaKind).create(action.schema, { signal }).catch(unless('AlreadyExists'))
      return
    case 'write-status': {
      const { schema, condition } = action
      const others = schema.status?.conditions?.filter(({ type }) => type !== condition.type) ?? []
      const status = { conditions: [...others, condition] }
      await client
        .resource(flowSchemaKind)
        .update({ ...schema, status }, { subresource: 'status', signal })
        // Whoever changed it meanwhile makes it be looked at again.
        .catch(unless('NotFound', 'Conflict'))
      return
    }
    default:
      action satisfies never
  }
}

function unless(...reasons: ('AlreadyExists' | 'NotFound' | 'Conflict')[]): (error: unknown) => void {
  return error => {
    if (!reasons.some(reason => isReason(error, reason))) throw error
  }
}
