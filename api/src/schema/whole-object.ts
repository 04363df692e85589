import { z } from 'zod'
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import { string } from './fields.ts'
import { objectMetaSchema } from './object-meta.ts'

const WHOLE = new WeakMap<object, z.ZodObject>()

/** The whole object of a kind, with apiVersion, kind and metadata: for its own description, and for kinds that hold such objects. */
export function wholeObjectSchema<T extends KubernetesObject>(kind: Kind<T>): z.ZodObject {
  const known = WHOLE.get(kind)
  if (known) return known
  const own = kind.schema()
  const whole = z
    .object({
      apiVersion: string(
        'Group and version of the kind, such as `apps/v1`, or `v1` for the core group. Servers convert what they know to the version they serve.',
      ),
      kind: string('Name of the kind, in CamelCase. It cannot be changed.'),
      metadata: objectMetaSchema().optional().meta({ description: 'What every object has: name, labels, annotations, owners.' }),
      ...own.shape,
    })
    .meta({ ...own.meta(), component: kind.kind, description: kind.description })
  WHOLE.set(kind, whole)
  return whole
}
