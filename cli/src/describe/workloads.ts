import {
  type Condition,
  controllerOf,
  type Deployment,
  isPodFinished,
  type Pod,
  podKind,
  type ReplicaSet,
  selectorFromLabelSelector,
} from '@davit/api'
import { historyOf } from '../rollout/index.ts'
import type { Session } from '../session/index.ts'
import type { Describer } from './describer.ts'
import { eventsOf, writeEvents } from './events.ts'
import { writePodTemplate } from './pod-template.ts'
import { type DescriptionWriter, formatDate, writeAnnotations, writeMap } from './writer.ts'

export const describeDeployment: Describer<Deployment> = async (out, deployment, { session, now, showEvents }) => {
  const { metadata, spec, status } = deployment
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status ?? {}
  out.field(0, 'Name', metadata.name)
  out.field(0, 'Namespace', metadata.namespace)
  out.field(0, 'CreationTimestamp', formatDate(metadata.creationTimestamp))
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  out.field(0, 'Selector', selectorFromLabelSelector(spec.selector).toString())
  out.field(
    0,
    'Replicas',
    `${spec.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`,
  )
  out.field(0, 'StrategyType', spec.strategy?.type ?? '')
  out.field(0, 'MinReadySeconds', spec.minReadySeconds ?? 0)
  const rolling = spec.strategy?.rollingUpdate
  if (rolling) out.field(0, 'RollingUpdateStrategy', `${rolling.maxUnavailable} max unavailable, ${rolling.maxSurge} max surge`)
  writePodTemplate(out, spec.template)
  writeConditions(out, status?.conditions)
  const { current, old } = await historyOf(session.client, deployment)
  if (current || old.length > 0) {
    out.field(0, 'OldReplicaSets', replicaSetsText(old))
    out.field(0, 'NewReplicaSet', replicaSetsText(current ? [current] : []))
  }
  if (showEvents) writeEvents(out, await eventsOf(session, deployment), now)
}

function replicaSetsText(sets: readonly ReplicaSet[]): string {
  const texts = sets.map(
    ({ metadata, spec, status }) => `${metadata.name} (${status?.replicas ?? 0}/${spec.replicas ?? 0} replicas created)`,
  )
  return texts.join(', ') || '<none>'
}

export const describeReplicaSet: Describer<ReplicaSet> = async (out, set, { session, now, showEvents }) => {
  const { metadata, spec, status } = set
  out.field(0, 'Name', metadata.name)
  out.field(0, 'Namespace', metadata.namespace)
  out.field(0, 'Selector', selectorFromLabelSelector(spec.selector).toString())
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  const controller = controllerOf(set)
  if (controller) out.field(0, 'Controlled By', `${controller.kind}/${controller.name}`)
  out.field(0, 'Replicas', `${status?.replicas ?? 0} current / ${spec.replicas ?? 0} desired`)
  out.field(0, 'Pods Status', podsStatus(await podsOf(session, set)))
  if (spec.template) writePodTemplate(out, spec.template)
  writeConditions(out, status?.conditions)
  if (showEvents) writeEvents(out, await eventsOf(session, set), now)
}

async function podsOf(session: Session, { metadata, spec }: ReplicaSet): Promise<Pod[]> {
  const list = await session.client.resource(podKind).list({
    ...(metadata.namespace && { namespace: metadata.namespace }),
    labelSelector: selectorFromLabelSelector(spec.selector).toString(),
  })
  return list.items.filter(pod => controllerOf(pod)?.uid === metadata.uid)
}

function podsStatus(pods: readonly Pod[]): string {
  const count = (phase: string) => pods.filter(({ status }) => status?.phase === phase).length
  const waiting = pods.filter(pod => !isPodFinished(pod) && pod.status?.phase !== 'Running').length
  return `${count('Running')} Running / ${waiting} Waiting / ${count('Succeeded')} Succeeded / ${count('Failed')} Failed`
}

function writeConditions(out: DescriptionWriter, conditions: readonly Condition[] | undefined): void {
  if (!conditions?.length) return
  out.line(0, 'Conditions:')
  out.line(1, 'Type', 'Status', 'Reason')
  out.line(1, '----', '------', '------')
  for (const { type, status, reason = '' } of conditions) out.line(1, `${type} `, status, reason)
}
