import type { CustomResourceDefinition } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/** A definition remembers every version in which objects may be stored, from before the first one is. */
export function storedVersions(): AdmissionRule {
  return {
    resources: ['customresourcedefinitions.apiextensions.k8s.io'],
    onUpdate: true,
    admit({ object }) {
      const definition = object as CustomResourceDefinition
      const storage = definition.spec?.versions?.find(({ storage }) => storage)?.name
      const known = definition.status?.storedVersions ?? []
      if (storage === undefined || known.includes(storage)) return
      definition.status = { ...definition.status, storedVersions: [...known, storage] }
    },
  }
}
