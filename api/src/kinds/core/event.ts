import { ageSince } from '../../duration.ts'
import { invalidValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, MicroTime, Time } from '../../meta.ts'
import { field, int32, microTime, object, required, string, time } from '../../schema/fields.ts'
import { nameColumn } from '../columns.ts'
import { type ObjectReference, objectReferenceSchema } from './object-reference.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ in its core/v1 form. */
export interface Event extends KubernetesObject {
  involvedObject: ObjectReference
  reason?: string
  message?: string
  source?: EventSource
  firstTimestamp?: Time
  lastTimestamp?: Time
  count?: number
  type?: string
  eventTime?: MicroTime
  series?: EventSeries
  action?: string
  related?: ObjectReference
  reportingComponent?: string
  reportingInstance?: string
}

export interface EventSource {
  component?: string
  host?: string
}

export interface EventSeries {
  count?: number
  lastObservedTime?: MicroTime
}

/** The component `EventSource`, anew for each group that has one: each gives it a name of its own. */
export const eventSourceSchema = () =>
  object('EventSource', 'Who tells of an event.', { component: string('The component.'), host: string('The node it runs on.') })

/** The component `EventSeries`, anew for each group as `EventSource` is. */
export const eventSeriesSchema = () =>
  object('EventSeries', 'Repetitions of an event.', {
    count: int32('How often it happened so far.'),
    lastObservedTime: microTime('When it was last observed.'),
  })

export const eventKind = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  description: 'Something that happened to an object; kept for a while.',
  schema: () =>
    object('Event', 'Something that happened to an object.', {
      involvedObject: required(field(objectReferenceSchema(), 'The object it happened to.')),
      reason: string('Why, in one CamelCase word for programs.'),
      message: string('What happened, in words for people.'),
      source: field(eventSourceSchema(), 'Who tells of it.'),
      firstTimestamp: time('When it happened first.'),
      lastTimestamp: time('When it happened last.'),
      count: int32('How often it happened.'),
      type: string('Normal or Warning.'),
      eventTime: microTime('When it was first observed.'),
      series: field(eventSeriesSchema(), 'Repetitions of it.'),
      action: string('What was done or failed.'),
      related: field(objectReferenceSchema(), 'A second object that has to do with it.'),
      reportingComponent: string('The controller that tells of it, such as `kubernetes.io/kubelet`.'),
      reportingInstance: string('Which instance of the controller.'),
    }),
  applyDefaults(event) {
    // Always there on the wire; `kubectl describe` prints them.
    event.reportingComponent ??= ''
    event.reportingInstance ??= ''
  },
  validate: ({ involvedObject, metadata }) => {
    const namespace = involvedObject?.namespace ?? ''
    // Events of objects without a namespace live in `default`.
    const matches = namespace === '' ? metadata.namespace === 'default' || !metadata.namespace : namespace === metadata.namespace
    return matches ? [] : [invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace')]
  },
  selectableFields: {
    'involvedObject.kind': event => event.involvedObject.kind ?? '',
    'involvedObject.namespace': event => event.involvedObject.namespace ?? '',
    'involvedObject.name': event => event.involvedObject.name ?? '',
    'involvedObject.uid': event => event.involvedObject.uid ?? '',
    'involvedObject.apiVersion': event => event.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': event => event.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': event => event.involvedObject.fieldPath ?? '',
    reason: event => event.reason ?? '',
    reportingComponent: event => event.reportingComponent ?? '',
    source: event => event.source?.component || event.reportingComponent || '',
    type: event => event.type ?? '',
  },
  columns: [
    {
      name: 'Last Seen',
      type: 'string',
      description: 'How long ago it happened last.',
      value: (event, now) => ageSince(lastSeen(event), now),
    },
    { name: 'Type', type: 'string', description: 'Normal or Warning.', value: event => event.type },
    { name: 'Reason', type: 'string', description: 'Why, in one word.', value: event => event.reason },
    { name: 'Object', type: 'string', description: 'The object it happened to.', value: formatObject },
    {
      name: 'Subobject',
      type: 'string',
      priority: 1,
      description: 'The part of the object it happened to.',
      value: event => event.involvedObject.fieldPath ?? '',
    },
    { name: 'Source', type: 'string', priority: 1, description: 'Who tells of it.', value: formatSource },
    { name: 'Message', type: 'string', description: 'What happened.', value: event => (event.message ?? '').trim() },
    {
      name: 'First Seen',
      type: 'string',
      priority: 1,
      description: 'How long ago it happened first.',
      value: (event, now) => ageSince(firstSeen(event), now),
    },
    {
      name: 'Count',
      type: 'string',
      priority: 1,
      description: 'How often it happened.',
      value: event => String(event.series?.count ?? (event.count || 1)),
    },
    { ...nameColumn, priority: 1 },
  ],
})

function firstSeen(event: Event): string | undefined {
  return event.firstTimestamp ?? event.eventTime
}

function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event)
}

function formatObject({ involvedObject: { kind = '', name } }: Event): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase()
}

function formatSource({ source, reportingComponent, reportingInstance }: Event): string {
  const [component, instance] = source?.component ? [source.component, source.host] : [reportingComponent, reportingInstance]
  return [component, instance].filter(Boolean).join(', ')
}
