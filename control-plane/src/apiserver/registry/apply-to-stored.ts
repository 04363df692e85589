import { isReason, type Kind, type KubernetesObject, type Target } from '@davit/api'
import type { Stored } from '../../storage/types.ts'
import { type ApplyWrite, type Config, configAsWanted, configOfScale, isAbsent, mustNotExistYet, ownersOfNew, readConfig } from './apply.ts'
import { type CreateDependencies, create } from './create.ts'
import { PATCH_TRIES } from './patch.ts'
import type { RequestContext } from './types.ts'
import { checkName, type Part, type UpdateDependencies, update } from './update.ts'

export interface ApplyRequest {
  /** The kind that is applied. */
  spoken: Kind
  /** The kind that is stored: the same, or the one that the spoken kind is a view of. */
  stored: Kind
  target: Target
  body: unknown
  subresource: string | undefined
}

/** How often to go again when an object comes and goes between looking and writing. */
const TRIES_MAX = 5

/** Applies a configuration to what is stored, or creates that. Throws Conflict, BadRequest, and whatever other writes throw. */
export async function applyToStored(
  dependencies: UpdateDependencies & CreateDependencies,
  context: RequestContext,
  { spoken, stored, target, body, subresource, part }: ApplyRequest & { part: Part },
): Promise<Stored & { created?: boolean }> {
  const config = subresource === 'scale' ? configOfScale(spoken, body, context) : readConfig(spoken, body, context)
  const convert = dependencies.versions(spoken)
  const write: ApplyWrite = { kind: spoken, context, clock: dependencies.clock, subresource, convert, part, config }
  const applied = configAsWanted(write)
  const { view } = spoken
  const wanted = (current: Stored): KubernetesObject => {
    if (!view) return applied(current)
    return view.toStored(applied({ ...current, object: view.fromStored(current.object) }))
  }
  for (let tries = 1; ; tries++) {
    try {
      return await update(dependencies, context, { kind: stored, target, part, subresource, wanted, isApplied: true, tries: PATCH_TRIES })
    } catch (error) {
      if (subresource !== undefined || !isAbsent(error, stored, target.name)) throw error
    }
    await context.mayCreate?.()
    try {
      const made = await create(dependencies, context, stored, {
        namespace: target.namespace,
        body: newBody(write, target),
        owners: ownersOfNew(write),
      })
      return Object.assign(made, { created: true })
    } catch (error) {
      if (!isReason(error, 'AlreadyExists') || tries === TRIES_MAX) throw error
    }
  }
}

/** What a configuration makes of nothing, as the stored kind has it. */
function newBody({ kind, config }: ApplyWrite, { name }: Target): object {
  const { metadata = {} } = config as Config
  checkName(metadata, name)
  mustNotExistYet(kind, name, config)
  return kind.view ? kind.view.toStored(config as KubernetesObject) : config
}
