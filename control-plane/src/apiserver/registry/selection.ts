import { fieldMatcher, type Kind, type KubernetesObject, parseFieldSelector, parseLabelSelector } from '@davit/api'

/** What of a list or watch the storage can find by index, and a test for the rest. */
export interface Selection {
  namespace?: string
  name?: string
  nodeName?: string
  filter?: (object: KubernetesObject) => boolean
}

export interface Selectors {
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
}

type Test = (object: KubernetesObject) => boolean

/** Throws BadRequest for selectors that cannot be read and for fields the kind does not select by. */
export function selectionOf(kind: Kind, { namespace, labelSelector, fieldSelector }: Selectors): Selection {
  const selection: Selection = { ...(namespace && { namespace }) }
  const tests: Test[] = []
  if (labelSelector) {
    const selector = parseLabelSelector(labelSelector)
    tests.push(object => selector.matches(object.metadata.labels ?? {}))
  }
  if (fieldSelector) {
    const requirements = parseFieldSelector(fieldSelector)
    tests.push(fieldMatcher(kind, requirements))
    for (const { field, operator, value } of requirements) {
      if (operator !== '=') continue
      if (field === 'metadata.name') selection.name ??= value
      if (field === 'spec.nodeName' && value !== '') selection.nodeName ??= value
    }
  }
  if (tests.length > 0) selection.filter = object => tests.every(test => test(object))
  return selection
}
