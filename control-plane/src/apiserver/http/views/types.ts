import type { ListMeta } from '@davit/api'
import type { Stored } from '../../../storage/index.ts'

/** What a table's row carries besides its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** A way to show objects: whole, as metadata, or as table rows. A view of a watch has state: make one for each. */
export interface View {
  /** Shows objects as storage has them: the same to everybody. */
  readonly isWhole?: boolean
  /** One object by itself, as get, watch and writes answer with. */
  single(stored: Pick<Stored, 'object' | 'bytes'>): Buffer | string
  /** A list up to its first item. */
  open(metadata: ListMeta): string
  item(stored: Pick<Stored, 'object' | 'bytes'>): Buffer | string
  /** What follows the last item. */
  readonly close: string
  /** The object of a watch's BOOKMARK event. */
  bookmark(revision: number, initialEventsEnd: boolean): string
}

export interface ViewOptions {
  readonly includeObject: IncludeObject
  /** Milliseconds since the epoch, for ages. */
  readonly now: () => number
  /** Tables of a watch name their columns in the first event only. */
  readonly watch?: boolean
}
