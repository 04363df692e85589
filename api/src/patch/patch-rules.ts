import type { SchemaNode } from '../schema/describe.ts'

/** How a field is merged, from its place in the kind's schema. */
export interface PatchRules {
  /** The schema below; undefined where anything goes. */
  readonly node: SchemaNode | undefined
  /** Lists only: merged with what is there instead of replacing it. */
  readonly isMerged: boolean
  /** Identifies the elements of a merged list of objects. */
  readonly mergeKey: string | undefined
  /** A change drops whatever the new value does not name: only one of several members may be set. */
  readonly retainsKeys: boolean
}

/** Rules of the member `key` of an object or map that `node` describes. */
export function rulesOf(node: SchemaNode | undefined, key: string): PatchRules {
  const member = node?.type === 'object' ? node.fields[key] : node?.type === 'map' ? node.values : undefined
  const strategy = member?.meta.patchStrategy ?? ''
  return {
    node: member,
    isMerged: member?.type === 'list' && strategy.includes('merge'),
    mergeKey: member?.meta.mergeKey,
    retainsKeys: strategy.includes('retainKeys'),
  }
}

/** The schema of a list's elements. */
export function elementOf(node: SchemaNode | undefined): SchemaNode | undefined {
  return node?.type === 'list' ? node.items : undefined
}

export const DIRECTIVES = {
  patch: '$patch',
  retainKeys: '$retainKeys',
  /** Followed by the name of the list. */
  deleteFromPrimitiveList: '$deleteFromPrimitiveList/',
  setElementOrder: '$setElementOrder/',
} as const
