import { forbidden, GROUPS, type Node } from '@davit/api'
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
