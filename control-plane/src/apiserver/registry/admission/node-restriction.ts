import {
  forbidden,
  GROUPS,
  isLabelOfNodes,
  isMirrorPod,
  type KubernetesObject,
  NODE_USER_PREFIX,
  type Node,
  nodeKind,
  type Pod,
} from '@davit/api'
import { isSameJson } from '../written.ts'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

/** What a node may not change even of what is its own, however it writes. */
export function nodeRestriction({ find }: Pick<Lookups, 'find'>): AdmissionRule {
  return {
    resources: ['nodes', 'pods'],
    onUpdate: true,
    onEveryPart: true,
    async admit({ kind, context, object, old }) {
      if (!context.user.groups.includes(GROUPS.nodes)) return
      const node = context.user.name.slice(NODE_USER_PREFIX.length)
      const why =
        kind.kind === 'Node'
          ? whyNotNode(object as Node, old as Node | undefined, node)
          : old
            ? whyNotPodChange(object, old, context.user.name)
            : await whyNotMirror(object as Pod, node, () => find(nodeKind, { name: node }, context.signal))
      if (why !== undefined) throw forbidden(kind, object.metadata.name ?? '', why)
    },
  }
}

/** A node keeps its labels as the operator means them, its taints, and its place: one that is collected as garbage comes back without either. */
function whyNotNode(object: Node, old: Node | undefined, node: string): string | undefined {
  const who = `node ${JSON.stringify(node)}`
  const labels = changedLabels(object.metadata.labels, old?.metadata.labels).filter(label => !isLabelOfNodes(label))
  if (labels.length > 0) {
    const names = labels.join(', ')
    return old ? `is not allowed to modify labels: ${names}` : `${who} is not allowed to set the following labels: ${names}`
  }
  const taints = ({ spec }: Node) => spec?.taints ?? []
  if (old && !isSameJson(taints(object), taints(old))) return `${who} is not allowed to modify taints`
  const owners = (of: Node | undefined) => of?.metadata.ownerReferences ?? []
  return isSameJson(owners(object), owners(old)) ? undefined : `${who} is not allowed to modify ownerReferences`
}

function whyNotPodChange({ metadata }: KubernetesObject, old: KubernetesObject, user: string): string | undefined {
  return changedLabels(metadata.labels, old.metadata.labels).length > 0 ? `${user} cannot update labels through pod status` : undefined
}

function changedLabels(labels: Readonly<Record<string, string>> = {}, old: Readonly<Record<string, string>> = {}): string[] {
  return [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter(label => labels[label] !== old[label]).sort()
}

/** A node makes pods only to show what it runs by itself; these can give it nothing, and are nobody's but the node's own. */
async function whyNotMirror(pod: Pod, node: string, findNode: () => Promise<Node | undefined>): Promise<string | undefined> {
  const { metadata, spec } = pod
  const who = `node ${JSON.stringify(node)}`
  if (!isMirrorPod(pod)) return `pod does not have "kubernetes.io/config.mirror" annotation, ${who} can only create mirror pods`
  if (spec.nodeName !== node) return `${who} can only create pods with spec.nodeName set to itself`
  if (spec.serviceAccountName) return `${who} can not create pods that reference a service account`
  // Controllers take pods that belong to nobody, and count those that say they are theirs.
  const [owner, ...others] = metadata.ownerReferences ?? []
  if (others.length > 0) return `${who} can only create pods with a single owner reference set to itself`
  if (owner?.apiVersion !== nodeKind.version || owner.kind !== nodeKind.kind || owner.name !== node)
    return `${who} can only create pods with an owner reference set to itself`
  if (!owner.controller) return `${who} can only create pods with a controller owner reference set to itself`
  if (owner.blockOwnerDeletion) return `${who} must not set blockOwnerDeletion on an owner reference`
  const uid = (await findNode())?.metadata.uid ?? ''
  return owner.uid === uid ? undefined : `${who} UID mismatch: expected ${uid} got ${owner.uid}`
}
