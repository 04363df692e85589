import { type ApiService, type Clock, formatTime, type Namespace, type Pod, podQosClass } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/** Clients do not write status on create; these kinds start with one all the same. */
export function initialPodStatus(): AdmissionRule {
  return {
    resources: ['pods'],
    admit({ object }) {
      const pod = object as Pod
      pod.status = { phase: 'Pending', qosClass: podQosClass(pod) }
      if (!pod.spec.schedulingGates?.length) return
      const message = 'Scheduling is blocked due to non-empty scheduling gates'
      pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }]
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

/** What this server serves itself is there as soon as it is said. */
export function initialApiService(clock: Clock): AdmissionRule {
  return {
    resources: ['apiservices.apiregistration.k8s.io'],
    admit({ object }) {
      const apiService = object as ApiService
      if (apiService.spec?.service) return
      const message = 'Local APIServices are always available'
      const lastTransitionTime = formatTime(clock.now())
      apiService.status = { conditions: [{ type: 'Available', status: 'True', lastTransitionTime, reason: 'Local', message }] }
    },
  }
}
