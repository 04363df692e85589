import { type Node, type Pod, persistentVolumeClaimKind, persistentVolumeKind, VOLUMES } from '@davit/api'
import { claimsOf, onlyNodeOf } from '../../volumes/index.ts'
import { type ControllerContext, controllerOf } from '../context.ts'

/** What the pod has on the node that a second one of it could not have elsewhere, or must not have twice; undefined when nothing. */
export function boundBy(pod: Pod, node: Node, { informer }: Pick<ControllerContext, 'informer'>): string | undefined {
  const claims = informer(persistentVolumeClaimKind).cache
  const volumes = informer(persistentVolumeKind).cache
  const { namespace } = pod.metadata
  const names = [node.metadata.name, node.metadata.labels?.[VOLUMES.hostnameLabel]]
  for (const { name, ephemeral } of claimsOf(pod)) {
    // The claim of an ephemeral volume goes with its pod.
    const volume = ephemeral ? undefined : volumes.get(claims.get(`${namespace}/${name}`)?.spec.volumeName ?? '')
    const only = volume && onlyNodeOf(volume)
    if (only !== undefined && names.includes(only)) return `the volume of claim "${name}" is there only`
  }
  return controllerOf(pod)[0]?.kind === 'StatefulSet' ? 'a pod of a StatefulSet may not run twice' : undefined
}
