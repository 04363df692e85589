/** How archives are called, so that a folder or bucket can hold those of several clusters. */

const NAME = /^davit-([0-9a-f-]{36})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.backup$/

/** `davit-<cluster id>-20260102T030405Z.backup`; `ms` since the epoch. */
export function archiveName(clusterId: string, ms: number): string {
  return `davit-${clusterId}-${new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')}.backup`
}

/** Which cluster's an archive is, and of when; undefined for names that are none of ours. */
export function parseArchiveName(name: string): { clusterId: string; ms: number } | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const [, clusterId = '', year, month, day, hour, minute, second] = match
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(ms) ? undefined : { clusterId, ms }
}
