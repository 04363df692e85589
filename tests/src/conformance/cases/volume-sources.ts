/** ConfigMaps and Secrets as volumes, plain and projected: what the cases of several files share. */
import type { KeyToPath, Volume, VolumeMount } from '@davit/api'
import type { CaseContext } from '../context.ts'

export interface SourceOptions {
  /** Of the object; default `source`. */
  name?: string
  items?: KeyToPath[]
  defaultMode?: number
  optional?: boolean
}

/** A kind whose keys become files, and the way they are mounted. */
export interface Source {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly projected: boolean
}

/** A volume `name` filled from the source. */
export function volumeFrom({ kind, projected }: Source, name: string, { name: object = 'source', ...options }: SourceOptions = {}): Volume {
  const { defaultMode, ...selection } = options
  const mode = defaultMode === undefined ? {} : { defaultMode }
  if (projected) {
    const projection = { name: object, ...selection }
    return { name, projected: { ...mode, sources: [kind === 'Secret' ? { secret: projection } : { configMap: projection }] } }
  }
  if (kind === 'Secret') return { name, secret: { secretName: object, ...options } }
  return { name, configMap: { name: object, ...options } }
}

export function mountOf(name: string): VolumeMount {
  return { name, mountPath: `/${name}`, readOnly: true }
}

export async function makeSource(context: CaseContext, { kind }: Source, data: Record<string, string>, name = 'source'): Promise<void> {
  if (kind === 'Secret') await context.secret(name, data)
  else await context.configMap(name, data)
}
