/** A version of Davit, `major.minor.patch` with perhaps `-something`. */
export interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** After the dash; empty for a release. */
  readonly label: string
}

const FORM = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/

/** Undefined for what is no version. */
export function parseVersion(text: string): Version | undefined {
  const [, major, minor, patch, label = ''] = FORM.exec(text) ?? []
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor), patch: Number(patch), label }
}

/** Negative when `a` is older than `b`. A labelled version comes before its release, as in Semantic Versioning. */
export function compareVersions(a: Version, b: Version): number {
  const numbers = a.major - b.major || a.minor - b.minor || a.patch - b.patch
  if (numbers !== 0 || a.label === b.label) return numbers
  if (a.label === '' || b.label === '') return a.label === '' ? 1 : -1
  return a.label.localeCompare(b.label, 'en', { numeric: true })
}

/** Davit's part of a version as Kubernetes writes it: `0.1.0` of `v1.33.0+davit-0.1.0`; undefined when it is not Davit's. */
export function davitVersion(kubernetesVersion: string): string | undefined {
  return /\+davit-(.+)$/.exec(kubernetesVersion)?.[1]
}
