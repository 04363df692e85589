import { forbidden, GROUPS, isMirrorPod, NODE_USER_PREFIX, type Node, type Pod } from '@davit/api'
import { isSameJson } from '../written.ts'
import type { AdmissionRule } from './rule.ts'

/** Labels under this name are the operator's alone: they keep workloads off nodes that were broken into. */
const RESTRICTED = 'node-restriction.kubernetes.io'

/** What a node may not change even of what is its own, however it writes. */
export function nodeRestriction(): AdmissionRule {
  return {
    resources: ['nodes', 'pods'],
    onUpdate: true,
    onEveryPart: true,
    admit({ kind, context, object, old }) {
      if (!context.user.groups.includes(GROUPS.nodes)) return
      const name = object.metadata.name ?? ''
      const labels = changedLabels(object.metadata.labels, old?.metadata.labels)
      if (kind.kind === 'Pod') {
        const why = old ? undefined : whyNotMirror(object as Pod, context.user.name.slice(NODE_USER_PREFIX.length))
        if (why !== undefined) throw forbidden(kind, name, why)
        if (old && labels.length > 0) throw forbidden(kind, name, `${context.user.name} cannot update labels through pod status`)
        return
      }
      const restricted = labels.filter(isRestricted)
      if (restricted.length > 0) {
        throw forbidden(kind, name, `${context.user.name} is not allowed to modify labels: ${restricted.join(', ')}`)
      }
      const taints = (node: Node) => node.spec?.taints ?? []
      if (old && !isSameJson(taints(object as Node), taints(old as Node))) {
        throw forbidden(kind, name, `${context.user.name} is not allowed to modify taints`)
      }
    },
  }
}

function changedLabels(labels: Readonly<Record<string, string>> = {}, old: Readonly<Record<string, string>> = {}): string[] {
  return [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter(label => labels[label] !== old[label]).sort()
}

function isRestricted(label: string): boolean {
  const [prefix = ''] = label.split('/')
  return label.includes('/') && (prefix === RESTRICTED || prefix.endsWith(`.${RESTRICTED}`))
}

/** A node makes pods only to show what it runs by itself, and these can give it nothing. */
function whyNotMirror(pod: Pod, node: string): string | undefined {
  const { metadata, spec } = pod
  if (!isMirrorPod(pod))
    return `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`
  if (spec.nodeName !== node) return `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`
  const owners = metadata.ownerReferences ?? []
  if (owners.some(({ kind, name }) => kind !== 'Node' || name !== node))
    return `node ${JSON.stringify(node)} can only create pods with an owner reference set to itself`
  if (spec.serviceAccountName) return `node ${JSON.stringify(node)} can not create pods that reference a service account`
  return undefined
}
