import { forbiddenField, invalidValue, nonNegative } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'
import { applyPodSpecDefaults } from '../core/pod.ts'
import { isZeroAmount, validateAtMostAll, validateIntOrPercent } from '../int-or-percent.ts'
import type { Deployment, DeploymentSpec } from './deployment-types.ts'
import { validateSelectorAndTemplate } from './templates.ts'

export function applyDeploymentDefaults(deployment: Deployment): void {
  // The schema says what is missing.
  deployment.spec ??= {} as DeploymentSpec
  const { spec } = deployment
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
  spec.strategy ??= {}
  spec.strategy.type ??= 'RollingUpdate'
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {}
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%'
    spec.strategy.rollingUpdate.maxSurge ??= '25%'
  }
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec)
  deployment.status ??= {}
}

export function validateDeployment({ spec }: Deployment): FieldError[] {
  const { progressDeadlineSeconds, minReadySeconds = 0 } = spec
  const errors = [
    ...nonNegative('spec.replicas', spec.replicas),
    ...validateSelectorAndTemplate(spec, 'Deployment'),
    ...validateStrategy(spec),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...nonNegative('spec.progressDeadlineSeconds', progressDeadlineSeconds),
  ]
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds) {
    errors.push(invalidValue('spec.progressDeadlineSeconds', progressDeadlineSeconds, 'must be greater than minReadySeconds'))
  }
  return errors
}

function validateStrategy({ strategy = {} }: DeploymentSpec): FieldError[] {
  const { type, rollingUpdate } = strategy
  if (type === 'Recreate') {
    return rollingUpdate ? [forbiddenField('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'")] : []
  }
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {}
  const path = 'spec.strategy.rollingUpdate'
  const errors = [...validateIntOrPercent(`${path}.maxUnavailable`, maxUnavailable), ...validateIntOrPercent(`${path}.maxSurge`, maxSurge)]
  if (isZeroAmount(maxUnavailable) && isZeroAmount(maxSurge)) {
    errors.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  return [...errors, ...validateAtMostAll(`${path}.maxUnavailable`, maxUnavailable)]
}
