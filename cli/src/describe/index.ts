import type { PodTemplateSpec } from '@davit/api'
import type { AnyObject, ResourceType } from '../session/index.ts'
import { describeConfigMap, describeNamespace, describeSecret, describeServiceAccount } from './data.ts'
import type { DescribeContext, Describer } from './describer.ts'
import { describeAny } from './generic.ts'
import { describeNode } from './node.ts'
import { describePod } from './pod.ts'
import { writePodTemplate } from './pod-template.ts'
import { describeEndpointSlice, describeEndpoints, describeService } from './service.ts'
import { describeClaim, describeStorageClass, describeVolume } from './storage.ts'
import { describeDeployment, describeReplicaSet } from './workloads.ts'
import { DescriptionWriter } from './writer.ts'

export type { DescribeContext } from './describer.ts'
export { eventAge, timeOf } from './events.ts'

/** By plural and group. Each is only ever given objects of its own kind. */
const DESCRIBERS: Readonly<Record<string, Describer<never>>> = {
  configmaps: describeConfigMap,
  endpoints: describeEndpoints,
  namespaces: describeNamespace,
  nodes: describeNode,
  persistentvolumeclaims: describeClaim,
  persistentvolumes: describeVolume,
  pods: describePod,
  secrets: describeSecret,
  serviceaccounts: describeServiceAccount,
  services: describeService,
  'deployments.apps': describeDeployment,
  'replicasets.apps': describeReplicaSet,
  'endpointslices.discovery.k8s.io': describeEndpointSlice,
  'storageclasses.storage.k8s.io': describeStorageClass,
}

/** What kubectl's `describe` shows of an object. */
export async function describeObject(type: ResourceType, object: AnyObject, context: DescribeContext): Promise<string> {
  const out = new DescriptionWriter()
  const describer = (DESCRIBERS[type.group ? `${type.plural}.${type.group}` : type.plural] ?? describeAny) as Describer<AnyObject>
  await describer(out, object, context)
  return out.toString()
}

/** A pod template alone, as `rollout history --revision` shows it: with tabs as they are. */
export function describeTemplate(template: PodTemplateSpec | undefined): string {
  const out = new DescriptionWriter()
  writePodTemplate(out, template)
  return out.text
}
