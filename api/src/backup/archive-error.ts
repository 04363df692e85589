/** An archive that cannot be used; the message says why, and what to do where something can be done. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}
