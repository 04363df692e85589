import { forbiddenField, invalidValue, nonNegative } from '../../field-errors.ts'
import type { IntOrString } from '../../meta.ts'
import type { FieldError } from '../../status.ts'
import { applyPodSpecDefaults } from '../core/pod.ts'
import type { Deployment, DeploymentSpec } from './deployment-types.ts'
import { validateSelectorAndTemplate } from './templates.ts'

const PERCENT = /^[0-9]+%$/

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
  const errors = [...validateAmount(`${path}.maxUnavailable`, maxUnavailable), ...validateAmount(`${path}.maxSurge`, maxSurge)]
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  if (typeof maxUnavailable === 'string' && PERCENT.test(maxUnavailable) && Number.parseInt(maxUnavailable, 10) > 100) {
    errors.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'))
  }
  return errors
}

function validateAmount(field: string, amount: IntOrString): FieldError[] {
  if (typeof amount === 'number') return nonNegative(field, amount)
  if (PERCENT.test(amount)) return []
  const why =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
  return [invalidValue(field, amount, why)]
}

function isZero(amount: IntOrString): boolean {
  return typeof amount === 'number' ? amount === 0 : PERCENT.test(amount) && Number.parseInt(amount, 10) === 0
}
