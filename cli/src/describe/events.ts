import { ageSince, type Event, eventKind, type KubernetesObject } from '@davit/api'
import type { Session } from '../session/index.ts'
import type { DescriptionWriter } from './writer.ts'

/** Events about an object, oldest first. */
export async function eventsOf(session: Session, object: KubernetesObject, uid = object.metadata.uid): Promise<Event[]> {
  const { name, namespace } = object.metadata
  const fields = [`involvedObject.name=${name}`, `involvedObject.namespace=${namespace ?? ''}`, `involvedObject.kind=${object.kind}`]
  if (uid) fields.push(`involvedObject.uid=${uid}`)
  const list = await session.client.resource(eventKind).list({ ...(namespace ? { namespace } : {}), fieldSelector: fields.join(',') })
  return list.items.toSorted((one, other) => timeOf(one).localeCompare(timeOf(other)))
}

/** When an event was last seen. */
export function timeOf({ lastTimestamp, eventTime, series, metadata }: Event): string {
  return lastTimestamp ?? series?.lastObservedTime ?? eventTime ?? metadata.creationTimestamp ?? ''
}

export function writeEvents(out: DescriptionWriter, events: readonly Event[], now: number): void {
  if (events.length === 0) {
    out.line(0, 'Events:', '<none>')
    return
  }
  out.line(0, 'Events:')
  out.line(1, 'Type', 'Reason', 'Age', 'From', 'Message')
  out.line(1, '----', '------', '----', '----', '-------')
  for (const event of events) {
    const from = event.source?.component || event.reportingComponent || ''
    out.line(1, event.type ?? '', event.reason ?? '', eventAge(event, now), from, (event.message ?? '').trim())
  }
}

/** `5s`, or `5s (x3 over 2m)` for one that was seen more often. */
export function eventAge({ count = 0, series, firstTimestamp, lastTimestamp, eventTime }: Event, now: number): string {
  const first = ageSince(firstTimestamp ?? eventTime, now)
  if (series) return `${ageSince(series.lastObservedTime, now)} (x${series.count} over ${first})`
  return count > 1 ? `${ageSince(lastTimestamp, now)} (x${count} over ${first})` : first
}
