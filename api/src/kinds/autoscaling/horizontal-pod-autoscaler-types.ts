import type { Condition, KubernetesObject, LabelSelector, Quantity, Time } from '../../meta.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/horizontal-pod-autoscaler-v2/ */
export interface HorizontalPodAutoscaler extends KubernetesObject {
  spec: HorizontalPodAutoscalerSpec
  status?: HorizontalPodAutoscalerStatus
}

export interface HorizontalPodAutoscalerSpec {
  scaleTargetRef: CrossVersionObjectReference
  minReplicas?: number
  maxReplicas: number
  metrics?: MetricSpec[]
  behavior?: HorizontalPodAutoscalerBehavior
}

export interface CrossVersionObjectReference {
  kind: string
  name: string
  apiVersion?: string
}

export interface HorizontalPodAutoscalerBehavior {
  scaleUp?: HpaScalingRules
  scaleDown?: HpaScalingRules
}

export interface HpaScalingRules {
  stabilizationWindowSeconds?: number
  selectPolicy?: 'Max' | 'Min' | 'Disabled'
  policies?: { type: 'Pods' | 'Percent'; value: number; periodSeconds: number }[]
}

export type MetricSourceType = 'Object' | 'External' | 'Pods' | 'Resource' | 'ContainerResource'

/** Of a MetricSpec with targets, of a MetricStatus with what there is. */
interface Metric<Amount> {
  type: MetricSourceType
  object?: Amount & { describedObject: CrossVersionObjectReference; metric: MetricIdentifier }
  external?: Amount & { metric: MetricIdentifier }
  pods?: Amount & { metric: MetricIdentifier }
  resource?: Amount & { name: string }
  containerResource?: Amount & { name: string; container: string }
}

export type MetricSpec = Metric<{ target: MetricTarget }>
export type MetricStatus = Metric<{ current: MetricValueStatus }>

export interface MetricIdentifier {
  name: string
  selector?: LabelSelector
}

export interface MetricValueStatus {
  value?: Quantity
  averageValue?: Quantity
  averageUtilization?: number
}

export interface MetricTarget extends MetricValueStatus {
  type: 'Utilization' | 'Value' | 'AverageValue'
}

export interface HorizontalPodAutoscalerStatus {
  observedGeneration?: number
  lastScaleTime?: Time
  currentReplicas?: number
  desiredReplicas?: number
  currentMetrics?: MetricStatus[]
  conditions?: Condition[]
}

/** https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/horizontal-pod-autoscaler-v1/ */
export interface HorizontalPodAutoscalerV1 extends KubernetesObject {
  spec: {
    scaleTargetRef: CrossVersionObjectReference
    minReplicas?: number
    maxReplicas: number
    targetCPUUtilizationPercentage?: number
  }
  status?: {
    observedGeneration?: number
    lastScaleTime?: Time
    currentReplicas?: number
    desiredReplicas?: number
    currentCPUUtilizationPercentage?: number
  }
}
