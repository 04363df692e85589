import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidValue, requiredValue, tooLong } from '../../field-errors.ts'
import { defineKind, type PrinterColumn } from '../../kind.ts'
import type { KubernetesObject, MicroTime, Time } from '../../meta.ts'
import { isQualifiedName } from '../../names.ts'
import { field, int32, microTime, object, string, time } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { type Event, type EventSeries, type EventSource, eventKind, eventSeriesSchema, eventSourceSchema } from '../core/event.ts'
import { type ObjectReference, objectReferenceSchema } from '../core/object-reference.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/: the same events as core/v1 has, under other names. */
export interface NewEvent extends KubernetesObject {
  eventTime?: MicroTime
  series?: EventSeries
  reportingController?: string
  reportingInstance?: string
  action?: string
  reason?: string
  regarding?: ObjectReference
  related?: ObjectReference
  note?: string
  type?: string
  deprecatedSource?: EventSource
  deprecatedFirstTimestamp?: Time
  deprecatedLastTimestamp?: Time
  deprecatedCount?: number
}

const TEXT_BYTES_MAX = 128
const NOTE_BYTES_MAX = 1024

/** What is called otherwise in core/v1. */
const CORE_NAMES = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
} as const satisfies Partial<Record<keyof NewEvent, keyof Event>>

/** What may never change: an event says what was. */
const FIXED = ['regarding', 'reason', 'note', 'type', 'eventTime', 'action', 'related', 'reportingController', 'reportingInstance'] as const

const DEPRECATED = ['deprecatedSource', 'deprecatedFirstTimestamp', 'deprecatedLastTimestamp', 'deprecatedCount'] as const

/** Of the group events.k8s.io. */
export const newEventKind = defineKind<NewEvent>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  description: 'Something that happened to an object; kept for a while.',
  schema: () =>
    object('Event', 'Something that happened to an object.', {
      eventTime: microTime('When it was first observed. Required.'),
      series: field(eventSeriesSchema(), 'Repetitions of it.'),
      reportingController: string('The controller that tells of it, such as `kubernetes.io/kubelet`. Required.'),
      reportingInstance: string('Which instance of the controller. Required.'),
      action: string('What was done or failed. Required.'),
      reason: string('Why, in one CamelCase word for programs. Required.'),
      regarding: field(objectReferenceSchema(), 'The object it happened to.'),
      related: field(objectReferenceSchema(), 'A second object that has to do with it.'),
      note: string('What happened, in words for people.'),
      type: string('Normal or Warning.'),
      deprecatedSource: field(eventSourceSchema(), "Who tells of it, in core/v1's form."),
      deprecatedFirstTimestamp: time("When it happened first, in core/v1's form."),
      deprecatedLastTimestamp: time("When it happened last, in core/v1's form."),
      deprecatedCount: int32("How often it happened, in core/v1's form."),
    }),
  validate: event => [...(isTold(event) ? [] : [...validateRequired(event), ...validateDeprecated(event)]), ...validateNamespace(event)],
  validateUpdate: (event, old) =>
    FIXED.flatMap(name =>
      isDeepStrictEqual(event[name], old[name]) ? [] : [invalidValue(name, event[name] ?? null, 'field is immutable')],
    ),
  selectableFields: Object.fromEntries(
    Object.entries(eventKind.selectableFields).map(([name, read]) => [fromCoreField(name), (event: NewEvent) => read(toCoreEvent(event))]),
  ),
  columns: eventKind.columns.map(
    (column): PrinterColumn<NewEvent> => ({ ...column, value: (event, now) => column.value(toCoreEvent(event), now) }),
  ),
  view: {
    of: eventKind,
    toStored: event => toCoreEvent(event),
    fromStored: event => fromCoreEvent(event as Event),
    storedField: name => toCoreField(name),
  },
})

function validateRequired({
  eventTime,
  reportingController = '',
  reportingInstance = '',
  action = '',
  reason = '',
  note = '',
  type = '',
}: NewEvent) {
  const errors: FieldError[] = eventTime ? [] : [requiredValue('eventTime')]
  if (!reportingController) errors.push(requiredValue('reportingController'))
  else {
    const why = isQualifiedName(reportingController)
    if (why) errors.push(invalidValue('reportingController', reportingController, why))
  }
  for (const [name, text] of Object.entries({ reportingInstance, action, reason })) {
    if (!text) errors.push(requiredValue(name))
    else if (Buffer.byteLength(text) > TEXT_BYTES_MAX) errors.push(tooLong(name, TEXT_BYTES_MAX))
  }
  if (Buffer.byteLength(note) > NOTE_BYTES_MAX) errors.push(tooLong('note', NOTE_BYTES_MAX))
  if (type !== 'Normal' && type !== 'Warning') errors.push(invalidValue('type', type, `has invalid value: ${type}`))
  return errors
}

function validateDeprecated(event: NewEvent): FieldError[] {
  return DEPRECATED.filter(name => event[name] !== undefined).map(name => forbiddenField(name, 'needs to be unset'))
}

/** It is stored already, maybe told in core/v1, which asks for less: whoever writes it back need not make up what is missing. */
function isTold({ metadata }: NewEvent): boolean {
  return metadata.uid !== undefined
}

function validateNamespace({ regarding, metadata }: NewEvent): FieldError[] {
  const namespace = regarding?.namespace ?? ''
  const isRight = namespace === '' ? metadata.namespace === 'default' || !metadata.namespace : namespace === metadata.namespace
  return isRight ? [] : [invalidValue('regarding.namespace', namespace, 'does not match event.namespace')]
}

/** The event as core/v1 has it. */
export function toCoreEvent(event: NewEvent): Event {
  const renamed = Object.entries(event).map(([name, value]) => [Object.hasOwn(CORE_NAMES, name) ? CORE_NAMES[name as 'note'] : name, value])
  return { involvedObject: {}, ...Object.fromEntries(renamed), apiVersion: 'v1' } as Event
}

/** An event of core/v1 as events.k8s.io has it. */
export function fromCoreEvent(event: Event): NewEvent {
  const names = new Map<string, string>(Object.entries(CORE_NAMES).map(([name, core]) => [core, name]))
  const renamed = Object.entries(event).map(([name, value]) => [names.get(name) ?? name, value])
  return { ...Object.fromEntries(renamed), apiVersion: 'events.k8s.io/v1' } as NewEvent
}

function fromCoreField(name: string): string {
  return name.replace(/^involvedObject\./, 'regarding.').replace('reportingComponent', 'reportingController')
}

function toCoreField(name: string): string {
  return name.replace(/^regarding\./, 'involvedObject.').replace('reportingController', 'reportingComponent')
}
