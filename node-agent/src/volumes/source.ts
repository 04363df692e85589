/** What the kinds of volumes have in common: what they are asked for, and what comes of it. */
import type { Pod, Volume } from '@davit/api'
import type { DownwardContext } from './downward.ts'
import type { FsGroup } from './fs-group.ts'

export interface PodPlace {
  /** The pod's own directory; its name is the pod's uid. */
  readonly dir: string
  readonly context: DownwardContext
  /** Makes sure of an image on this node and gives its id; throws when it cannot be had. */
  readonly image?: (volume: string, image: { reference: string; pullPolicy?: string }) => Promise<string>
}

export interface VolumeRequest {
  readonly volume: Volume
  readonly pod: Pod
  readonly place: PodPlace
  /** Where the volume lies when it is a directory of the pod. */
  readonly path: string
  readonly group: FsGroup | undefined
}

/** What containers mount of a volume. `readOnly`: whatever the mount says. */
export type Prepared =
  | { readonly from: 'path'; readonly path: string; readonly readOnly: boolean }
  /** A named volume of Docker. `path`: where it lies on this machine, if it does whether or not it is in use. */
  | { readonly from: 'docker'; readonly name: string; readonly path?: string; readonly readOnly: boolean }
  /** A block device, for containers that name it as such. */
  | { readonly from: 'device'; readonly path: string; readonly readOnly: boolean }

export function onPath(path: string, { readOnly = false } = {}): Prepared {
  return { from: 'path', path, readOnly }
}
