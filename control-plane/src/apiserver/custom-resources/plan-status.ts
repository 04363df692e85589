/** What a definition's status should be: which of its names it gets, and whether it is served. */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
  Kind,
} from '@davit/api'

export interface Observed {
  readonly definition: CustomResourceDefinition
  /** Every definition there is. */
  readonly all: Iterable<CustomResourceDefinition>
  /** Kinds that are always there. */
  readonly builtIn: readonly Kind[]
  readonly now: string
}

type Names = Partial<CustomResourceDefinitionNames>

/** The status as it should be: the very one that is there when nothing changes. Pure. */
export function planStatus({ definition, all, builtIn, now }: Observed): CustomResourceDefinitionStatus {
  const { group, names } = definition.spec
  const before = definition.status ?? {}
  const others = [...all].filter(other => other.spec.group === group && other.metadata.name !== definition.metadata.name)
  const taken = [
    ...others.map(({ status }) => status?.acceptedNames ?? {}),
    ...builtIn
      .filter(kind => kind.group === group)
      .map(
        ({ plural, singular, shortNames, kind }): Names => ({
          plural,
          singular,
          shortNames: [...shortNames],
          kind,
          listKind: `${kind}List`,
        }),
      ),
  ]
  const { accepted, conflict } = acceptNames(names, before.acceptedNames ?? {}, taken)
  const namesAccepted: CustomResourceDefinitionCondition = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
  const wasEstablished = before.conditions?.find(({ type }) => type === 'Established')
  const established: CustomResourceDefinitionCondition =
    wasEstablished?.status === 'True'
      ? wasEstablished
      : conflict
        ? { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
        : { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
  const conditions = [namesAccepted, established].reduce((list, condition) => withCondition(list, condition, now), before.conditions ?? [])
  if (conditions === before.conditions && isSame(accepted, before.acceptedNames)) return before
  return { ...before, conditions, acceptedNames: accepted }
}

/** `list` itself when the condition is in it as it is. */
export function withCondition(
  list: CustomResourceDefinitionCondition[],
  condition: CustomResourceDefinitionCondition,
  now: string,
): CustomResourceDefinitionCondition[] {
  const there = list.find(({ type }) => type === condition.type)
  const isLike = there?.status === condition.status && there.reason === condition.reason && there.message === condition.message
  if (there && isLike) return list
  const lastTransitionTime = there?.status === condition.status ? (there.lastTransitionTime ?? now) : now
  const made = { ...condition, lastTransitionTime }
  return there ? list.map(each => (each === there ? made : each)) : [...list, made]
}

interface Accepted {
  readonly accepted: Names
  readonly conflict: { readonly reason: string; readonly message: string } | undefined
}

/** Each name by itself: one that another has is not taken, and what was had before is kept. */
function acceptNames(wanted: CustomResourceDefinitionNames, had: Names, others: readonly Names[]): Accepted {
  const resources = new Set(others.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames]))
  const kinds = new Set(others.flatMap(({ kind, listKind }) => [kind, listKind]))
  const conflicts: { reason: string; message: string }[] = []
  const take = (name: string | undefined, before: string | undefined, from: ReadonlySet<string | undefined>, reason: string) => {
    if (!name) return undefined
    if (!from.has(name)) return name
    conflicts.push({ reason, message: `${JSON.stringify(name)} is already in use` })
    return before
  }
  const plural = take(wanted.plural, had.plural, resources, 'PluralConflict')
  const singular = take(wanted.singular, had.singular, resources, 'SingularConflict')
  const short = wanted.shortNames ?? []
  const used = short.filter(name => resources.has(name))
  if (used.length > 0) {
    conflicts.push({ reason: 'ShortNamesConflict', message: used.map(name => `${JSON.stringify(name)} is already in use`).join(', ') })
  }
  const shortNames = used.length > 0 ? had.shortNames : short
  const kind = take(wanted.kind, had.kind, kinds, 'KindConflict')
  const listKind = take(wanted.listKind, had.listKind, kinds, 'ListKindConflict')
  const accepted: Names = {
    ...(plural && { plural }),
    ...(singular && { singular }),
    ...(shortNames && shortNames.length > 0 && { shortNames }),
    ...(kind && { kind }),
    ...(listKind && { listKind }),
    ...(wanted.categories && wanted.categories.length > 0 && { categories: wanted.categories }),
  }
  return { accepted, conflict: conflicts.at(-1) }
}

function isSame(a: Names, b: Names | undefined): boolean {
  const text = (names: Names) =>
    JSON.stringify([names.plural, names.singular, names.shortNames ?? [], names.kind, names.listKind, names.categories ?? []])
  return b !== undefined && text(a) === text(b)
}
