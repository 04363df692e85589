import { once } from '../once.ts'
import { atomic, list, object, oneOf, required, string, stringMap, strings } from './fields.ts'

/** The component `LabelSelectorRequirement`. */
export const labelSelectorRequirementSchema = once(() =>
  object('LabelSelectorRequirement', 'What one label must be.', {
    key: required(string('Label key.')),
    operator: required(oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'How the values relate to the label.')),
    values: strings('Values for In and NotIn; empty for Exists and DoesNotExist.'),
  }),
)

/** The component `LabelSelector`. */
export const labelSelectorSchema = once(() =>
  atomic(
    object(
      'LabelSelector',
      'Selects objects by label: all of matchLabels and matchExpressions must hold; an empty one selects everything.',
      {
        matchLabels: stringMap('Labels that must be present with exactly these values.'),
        matchExpressions: list(labelSelectorRequirementSchema(), 'Requirements that must all hold.'),
      },
    ),
  ),
)
