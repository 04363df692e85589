import { type Namespace, type Pod, podQosClass } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/** Clients do not write status on create; these kinds start with one all the same. */
export function initialPodStatus(): AdmissionRule {
  return {
    resources: ['pods'],
    admit({ object }) {
      const pod = object as Pod
      pod.status = { phase: 'Pending', qosClass: podQosClass(pod) }
    },
  }
}

/** A new namespace is Active and held by the `kubernetes` finalizer until it has been emptied. */
export function initialNamespace(): AdmissionRule {
  return {
    resources: ['namespaces'],
    admit({ object }) {
      const namespace = object as Namespace
      namespace.spec = { ...namespace.spec, finalizers: ['kubernetes'] }
      namespace.status = { phase: 'Active' }
    },
  }
}
