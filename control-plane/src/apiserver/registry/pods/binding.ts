import {
  badRequest,
  bindingKind,
  type Clock,
  conflict,
  type FieldError,
  formatTime,
  invalid,
  isDnsSubdomain,
  type Kind,
  type Pod,
  type PodCondition,
  type Target,
  validateAnnotations,
} from '@davit/api'
import type { Storage, Stored } from '../../../storage/types.ts'
import { change, type Decision } from '../change.ts'
import { keyOf, type Resources } from '../resources.ts'
import { decodeSpoken } from '../spoken-kinds.ts'
import type { RequestContext } from '../types.ts'
import { cloneJson, storedValue } from '../written.ts'

export interface BindingDependencies {
  storage: Storage
  resources: Resources
  clock: Clock
}

interface BindingRequest {
  node: string
  uid?: string | undefined
  annotations?: Record<string, string> | undefined
}

/** Puts a pod onto the node that the v1 Binding in `body` names. Throws Conflict when it has one already. */
export async function bind(
  { storage, resources, clock }: BindingDependencies,
  context: RequestContext,
  kind: Kind,
  { target, body }: { target: Target; body: unknown },
): Promise<object> {
  const binding = readBinding(body, target, context)
  const options = {
    kind,
    resource: resources.stored(kind),
    key: keyOf(kind, target),
    name: target.name,
    context,
  }
  await change(storage, options, async current => assign(current, binding, clock))
  return success(201)
}

/** The answer to a POST that has nothing else to say. */
export function success(code: number): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code }
}

function assign(current: Stored, binding: BindingRequest, clock: Clock): Decision<undefined> {
  const old = current.object as Pod
  const name = old.metadata.name ?? ''
  const refuse = (why: string) => conflict({ group: '', plural: 'pods/binding' }, name, why)
  if (binding.uid && binding.uid !== old.metadata.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${binding.uid}, UID in object meta: ${old.metadata.uid}`)
  }
  if (old.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  if (old.spec.nodeName) throw refuse(`pod ${name} is already assigned to node "${old.spec.nodeName}"`)
  if (old.spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)

  const pod = cloneJson(old)
  pod.spec.nodeName = binding.node
  if (binding.annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.annotations }
  const scheduled: PodCondition = { type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(clock.now()) }
  const others = pod.status?.conditions?.filter(condition => condition.type !== 'PodScheduled') ?? []
  pod.status = { ...pod.status, conditions: [...others, scheduled] }
  const value = storedValue(pod)
  return {
    operations: [{ type: 'update', key: current.key, value, revision: current.revision }],
    result: () => undefined,
  }
}

function readBinding(body: unknown, { name }: Target, context: RequestContext): BindingRequest {
  const { metadata, target } = decodeSpoken(bindingKind, body, context)
  if (metadata.name && metadata.name !== name) {
    throw badRequest(`name in URL does not match name in Binding object: ${name} != ${metadata.name}`)
  }
  const errors: FieldError[] = validateAnnotations(metadata.annotations, 'metadata.annotations')
  if (target?.kind && target.kind !== 'Node') {
    errors.push({ type: 'NotSupported', field: 'target.kind', value: target.kind, supported: ['Node', '<empty>'] })
  }
  if (!target?.name) errors.push({ type: 'Required', field: 'target.name' })
  else {
    const wrong = isDnsSubdomain(target.name)
    if (wrong) errors.push({ type: 'Invalid', field: 'target.name', value: target.name, detail: wrong })
  }
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, errors)
  return { node: target?.name ?? '', uid: metadata.uid, annotations: metadata.annotations }
}
