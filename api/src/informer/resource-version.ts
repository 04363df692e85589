/**
 * Resource versions are etcd revisions in decimal. Kubernetes calls them opaque; its own clients compare them all the same
 * since 1.35, and ours do within one resource. Longer means newer, so no number is too big; the empty one is oldest.
 */
export function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length
}
