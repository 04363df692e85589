import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'
import { MANDATORY_PRIORITY_LEVELS } from './mandatory.ts'
import type { LimitedPriorityLevel, PriorityLevelConfiguration, PriorityLevelConfigurationSpec, Queuing } from './types.ts'

const QUEUES_MAX = 10_000_000
/** The hash by which requests are dealt to queues has no more. */
const ENTROPY_BITS_MAX = 60
const TYPES = ['Exempt', 'Limited'] as const
const RESPONSES = ['Queue', 'Reject'] as const

export function applyPriorityLevelDefaults(level: PriorityLevelConfiguration): void {
  level.spec ??= {}
  level.status ??= {}
  const { exempt, limited } = level.spec
  if (exempt) {
    exempt.nominalConcurrencyShares ??= 0
    exempt.lendablePercent ??= 0
  }
  if (!limited) return
  limited.nominalConcurrencyShares ??= 30
  limited.lendablePercent ??= 0
  const queuing = limited.limitResponse?.queuing
  if (!queuing) return
  queuing.queues ||= 64
  queuing.handSize ||= 8
  queuing.queueLengthLimit ||= 50
}

export function validatePriorityLevel({ metadata: { name = '' }, spec = {} }: PriorityLevelConfiguration): FieldError[] {
  return [...validateSpec(spec, name), ...validateMandatory(spec, name)]
}

/** Of the level of the masters only how much it lends may be changed, of the last one nothing. */
function validateMandatory(spec: PriorityLevelConfigurationSpec, name: string): FieldError[] {
  const mandatory = MANDATORY_PRIORITY_LEVELS.find(level => level.metadata.name === name)
  if (!mandatory?.spec) return []
  if (name !== 'exempt') {
    return isDeepStrictEqual(spec, mandatory.spec) ? [] : [invalidValue('spec', spec, `spec of '${name}' must equal the fixed value`)]
  }
  const { exempt: _, ...rest } = spec
  const { exempt: __, ...fixed } = mandatory.spec
  if (isDeepStrictEqual(rest, fixed)) return []
  return [invalidValue('spec', spec, "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")]
}

function validateSpec({ type = '', exempt, limited }: PriorityLevelConfigurationSpec, name: string): FieldError[] {
  const errors: FieldError[] = []
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalidValue('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'"))
  }
  switch (type) {
    case 'Exempt':
      if (limited) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'))
      if (exempt) errors.push(...validateShares(exempt, 'spec.exempt'))
      break
    case 'Limited':
      if (exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'))
      if (limited) errors.push(...validateLimited(limited, 'spec.limited'))
      else errors.push(requiredValue('spec.limited', 'must not be empty when type is Limited'))
      break
    default:
      errors.push(unsupportedValue('spec.type', type, TYPES))
  }
  return errors
}

function validateShares(
  {
    nominalConcurrencyShares: shares = 0,
    lendablePercent: percent = 0,
  }: Pick<LimitedPriorityLevel, 'nominalConcurrencyShares' | 'lendablePercent'>,
  path: string,
): FieldError[] {
  return [
    ...invalidIf(`${path}.nominalConcurrencyShares`, shares, shares < 0 ? 'must be a non-negative integer' : undefined),
    ...invalidIf(`${path}.lendablePercent`, percent, percent < 0 || percent > 100 ? 'must be between 0 and 100, inclusive' : undefined),
  ]
}

function validateLimited(limited: LimitedPriorityLevel, path: string): FieldError[] {
  const { limitResponse: { type = '', queuing } = {}, borrowingLimitPercent: borrowed = 0 } = limited
  const errors = validateShares(limited, path)
  errors.push(
    ...invalidIf(`${path}.borrowingLimitPercent`, borrowed, borrowed < 0 ? 'if specified, must be a non-negative integer' : undefined),
  )
  const at = `${path}.limitResponse`
  switch (type) {
    case 'Reject':
      if (queuing) errors.push(forbiddenField(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'))
      break
    case 'Queue':
      if (queuing) errors.push(...validateQueuing(queuing, `${at}.queuing`))
      else errors.push(requiredValue(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'))
      break
    default:
      errors.push(unsupportedValue(`${at}.type`, type, RESPONSES))
  }
  return errors
}

function validateQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: Queuing, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (queueLengthLimit <= 0) errors.push(invalidValue(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'))
  if (queues <= 0) errors.push(invalidValue(`${path}.queues`, queues, 'must be positive'))
  else if (queues > QUEUES_MAX) errors.push(invalidValue(`${path}.queues`, queues, `must not be greater than ${QUEUES_MAX}`))
  return [...errors, ...invalidIf(`${path}.handSize`, handSize, whyNoHand(queues, handSize))]
}

function whyNoHand(queues: number, handSize: number): string | undefined {
  if (handSize <= 0) return 'must be positive'
  if (handSize > queues) return `should not be greater than queues (${queues})`
  if (entropyBits(queues, handSize) <= ENTROPY_BITS_MAX) return undefined
  return `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${ENTROPY_BITS_MAX}`
}

/** How many bits it takes to draw so many of so many; counting stops above the bound, which is soon passed. */
function entropyBits(deckSize: number, handSize: number): number {
  let bits = 0
  for (let left = deckSize; left > deckSize - handSize && bits <= ENTROPY_BITS_MAX; left--) bits += Math.log2(left)
  return Math.ceil(bits)
}
