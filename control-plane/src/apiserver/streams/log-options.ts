/** What may be asked of a log, in Kubernetes' words. Pure. */
import { type FieldError, forbiddenField, invalid, invalidValue, nonNegative } from '@davit/api'

const KIND = { group: '', kind: 'PodLogOptions' }
const POSITIVE = ['limitBytes', 'sinceSeconds'] as const

/** Throws Invalid when options of a log of the pod `name` contradict each other, or ask for less than nothing; no number is the node's to refuse. */
export function validateLogOptions(query: URLSearchParams, name: string): void {
  const errors: FieldError[] = [...nonNegative('tailLines', numberIn(query, 'tailLines'))]
  const isTwofold = Boolean(query.get('sinceSeconds') && query.get('sinceTime'))
  for (const field of POSITIVE) {
    const value = numberIn(query, field)
    if (value === undefined || value >= 1 || (isTwofold && field === 'sinceSeconds')) continue
    errors.push(invalidValue(field, value, 'must be greater than 0'))
  }
  if (isTwofold) errors.push(forbiddenField('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'))
  if (errors.length > 0) throw invalid(KIND, name, errors)
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  const value = Number(text)
  return text && Number.isSafeInteger(value) ? value : undefined
}
