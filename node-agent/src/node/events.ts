/** What a Node's Events say of a change of its status, as Kubernetes' agents tell it. Pure. */
import type { NodeStatus } from '@davit/api'

interface NodeEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** By condition: the reason of its event when it is true, and when not. */
const REASONS: Readonly<Record<string, { True: string; False: string }>> = {
  MemoryPressure: { True: 'NodeHasInsufficientMemory', False: 'NodeHasSufficientMemory' },
  DiskPressure: { True: 'NodeHasDiskPressure', False: 'NodeHasNoDiskPressure' },
  PIDPressure: { True: 'NodeHasInsufficientPID', False: 'NodeHasSufficientPID' },
  Ready: { True: 'NodeReady', False: 'NodeNotReady' },
}

/** `before`: what the API showed. A Node seen for the first time has conditions, but no history to tell. */
export function nodeEvents(nodeName: string, before: NodeStatus | undefined, after: NodeStatus): NodeEvent[] {
  const events: NodeEvent[] = []
  const [booted, boots] = [before?.nodeInfo?.bootID, after.nodeInfo?.bootID]
  if (booted && boots && booted !== boots)
    events.push({ type: 'Warning', reason: 'Rebooted', message: `Node ${nodeName} has been rebooted, boot id: ${boots}` })
  for (const { type, status } of after.conditions ?? []) {
    const reasons = REASONS[type]
    const was = before?.conditions?.find(condition => condition.type === type)?.status
    if (!reasons || was === undefined || was === status || status === 'Unknown') continue
    const reason = reasons[status]
    events.push({ type: 'Normal', reason, message: `Node ${nodeName} status is now: ${reason}` })
  }
  return events
}
