import type { Event } from '@davit/api'

/** Events live for an hour after they were last written, as Kubernetes keeps them. */
const EVENT_TTL_MS = 3_600_000

/** Whether the Event's time is over at `now`, milliseconds since the epoch. One that was made late tells of older times, and lives as long. */
export function isExpired({ lastTimestamp, series, eventTime, metadata }: Event, now: number): boolean {
  const writes = (metadata.managedFields as { time?: string }[] | undefined)?.map(({ time }) => time) ?? []
  const times = [metadata.creationTimestamp, lastTimestamp, series?.lastObservedTime, eventTime, ...writes]
  // What is said to come says nothing of when it was written.
  const past = times.map(time => Date.parse(time ?? '')).filter(time => time <= now)
  return past.length > 0 && now - Math.max(...past) > EVENT_TTL_MS
}
