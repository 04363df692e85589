import type { KubernetesObject, Pod } from '@davit/api'

/** The part of the API's event recorder that this room uses: never throws, never waits. */
export interface EventRecorder {
  event(object: KubernetesObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}

export interface Events {
  normal(pod: Pod, reason: string, message: string): void
  warning(pod: Pod, reason: string, message: string): void
}

export function podEvents(recorder: EventRecorder): Events {
  return {
    normal: (pod, reason, message) => recorder.event(pod, 'Normal', reason, message),
    warning: (pod, reason, message) => recorder.event(pod, 'Warning', reason, message),
  }
}
