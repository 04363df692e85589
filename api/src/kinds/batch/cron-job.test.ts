import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, stored } from '../testing.ts'
import { cronJobKind } from './cron-job.ts'
import { scheduleError, timeZoneError } from './cron-schedule.ts'

const jobSpec = (spec: object = {}) => ({
  template: { spec: { restartPolicy: 'OnFailure', containers: [{ name: 'hi', image: 'busybox:1.36' }] } },
  ...spec,
})
const cronJob = (spec: object = {}) => ({ spec: { schedule: '*/5 * * * *', jobTemplate: { spec: jobSpec() }, ...spec } })

test('a CronJob gets the defaults of Kubernetes, its Jobs theirs when they are made', () => {
  const { spec } = stored(cronJobKind, cronJob())
  assert.deepEqual(
    [spec.concurrencyPolicy, spec.suspend, spec.successfulJobsHistoryLimit, spec.failedJobsHistoryLimit],
    ['Allow', false, 3, 1],
  )
  assert.equal(spec.jobTemplate.spec.template.spec.dnsPolicy, 'ClusterFirst')
  assert.equal(spec.jobTemplate.spec.backoffLimit, undefined)
})

for (const [schedule, wanted] of [
  ['0 3 * * *', undefined],
  ['*/15 0-6,22 1,15 jan-MAR mon-fri', undefined],
  ['0 0 ? * SUN', undefined],
  ['5/10 * * * *', undefined],
  ['@hourly', undefined],
  ['@every 1h30m', undefined],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['0 * * * * *', 'expected exactly 5 fields, found 6: [0 * * * * *]'],
  ['61 * * * *', 'end of range (61) above maximum (59): 61'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['* * * * 7', 'end of range (7) above maximum (6): 7'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['* * L * *', 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'],
  ['* * * * 5#2', 'failed to parse int from 5#2: strconv.Atoi: parsing "5#2": invalid syntax'],
  ['mon * * * *', 'failed to parse int from mon: strconv.Atoi: parsing "mon": invalid syntax'],
  ['@reboot', 'unrecognized descriptor: @reboot'],
  ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
] as const) {
  test(`the schedule "${schedule}" is ${wanted ? 'refused' : 'right'}`, () => assert.equal(scheduleError(schedule), wanted))
}

test('time zones are those of IANA', () => {
  for (const zone of ['UTC', 'Etc/UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+1'])
    assert.equal(timeZoneError(zone), undefined)
  for (const zone of ['Mars/Base', 'Europe/..', '-x/y', 'Europe//Berlin', 'a b'])
    assert.equal(timeZoneError(zone), `unknown time zone ${zone}`)
  assert.match(timeZoneError('Local') ?? '', /^timeZone must be an explicit time zone/)
})

const CASES: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ timeZone: 'Europe/Berlin' }, []],
  [{ schedule: '' }, ['spec.schedule: Required value']],
  [{ schedule: 'often' }, ['spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]']],
  [
    { schedule: 'TZ=UTC 0 * * * *' },
    ['spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
  ],
  [{ timeZone: '' }, ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']],
  [{ timeZone: 'Mars/Base' }, ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base']],
  [{ startingDeadlineSeconds: -1 }, ['spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0']],
  [{ concurrencyPolicy: 'Both' }, ['spec.concurrencyPolicy: Unsupported value: "Both": supported values: "Allow", "Forbid", "Replace"']],
  [{ successfulJobsHistoryLimit: -1 }, ['spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0']],
  [{ failedJobsHistoryLimit: -1 }, ['spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0']],
  [
    { jobTemplate: { spec: jobSpec({ selector: { matchLabels: { a: 'b' } }, manualSelector: true, backoffLimit: -1 }) } },
    [
      'spec.jobTemplate.spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
  ],
  [
    { jobTemplate: null },
    [
      'spec.jobTemplate.spec.template.spec.containers: Required value',
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
  ],
]
for (const [spec, wanted] of CASES) {
  test(`CronJob ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(cronJobKind, cronJob(spec)), wanted)
  })
}

test('the name of a CronJob leaves room for those of its Jobs', () => {
  const name = 'x'.repeat(53)
  const metadata = { name, namespace: 'default' }
  assert.deepEqual(complaints(cronJobKind, { ...cronJob(), metadata }), [
    `metadata.name: Invalid value: "${name}": must be no more than 52 bytes`,
  ])
})

test('kubectl get shows CronJobs as with Kubernetes', () => {
  const metadata = { name: 'hi', creationTimestamp: '2026-01-01T00:00:00Z' }
  const status = { active: [{ name: 'hi-1' }], lastScheduleTime: '2026-01-01T00:00:20Z' }
  const now = Date.parse('2026-01-01T00:00:30Z')
  assert.deepEqual(cells(cronJobKind, { metadata, ...cronJob({ timeZone: 'UTC' }), status }, now), {
    Name: 'hi',
    Schedule: '*/5 * * * *',
    Timezone: 'UTC',
    Suspend: 'False',
    Active: 1,
    'Last Schedule': '10s',
    Age: '30s',
    Containers: 'hi',
    Images: 'busybox:1.36',
    Selector: '<none>',
  })
  const fresh = cells(cronJobKind, { metadata, ...cronJob() }, now)
  assert.deepEqual([fresh.Timezone, fresh.Active, fresh['Last Schedule']], ['<none>', 0, '<none>'])
})
