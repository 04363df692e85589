/** Rules that volumes and claims share, in Kubernetes' words. */
import { forbiddenField, invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { Quantity } from '../../meta.ts'
import { isDnsSubdomain } from '../../names.ts'
import { compareQuantities, isQuantity } from '../../quantity.ts'
import type { FieldError } from '../../status.ts'

/** How a volume may be mounted, in the order in which errors list them. */
const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'] as const
export const VOLUME_MODES = ['Block', 'Filesystem'] as const

const SHORT: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}

/** `RWO,ROX`, each once and in kubectl's order. */
export function formatAccessModes(modes: readonly string[] = []): string {
  return Object.entries(SHORT)
    .flatMap(([mode, short]) => (modes.includes(mode) ? [short] : []))
    .join(',')
}

/** At least one known mode; ReadWriteOncePod stands alone. */
export function validateAccessModes(field: string, modes: readonly string[] = [], why = ''): FieldError[] {
  if (modes.length === 0) return [requiredValue(field, why)]
  const known: readonly string[] = ACCESS_MODES
  const errors = modes.filter(mode => !known.includes(mode)).map(mode => unsupportedValue(field, mode, ACCESS_MODES))
  if (modes.includes('ReadWriteOncePod') && modes.some(mode => mode !== 'ReadWriteOncePod')) {
    errors.push(forbiddenField(field, 'may not use ReadWriteOncePod with other access modes'))
  }
  return errors
}

export function validateClassName(field: string, name: string | undefined): FieldError[] {
  return name ? invalidIf(field, name, isDnsSubdomain(name)) : []
}

/** An amount above zero. Something that is no amount at all is the decoder's to refuse. */
export function validatePositiveAmount(field: string, amount: Quantity): FieldError[] {
  return isQuantity(amount) && compareQuantities(amount, 0) <= 0 ? [invalidValue(field, amount, 'must be greater than zero')] : []
}
