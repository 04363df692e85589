/** Query parameters of resource requests, checked as Kubernetes checks ListOptions, PatchOptions and the like. */
import { badRequest, type FieldError, invalid, type ListOptions, type Patch } from '@davit/api'
import type { RequestContext, WatchParameters } from '../../registry/index.ts'
import type { RequestCall } from './call.ts'

/** `1`, `true`, `T` and an empty value are true, as Go's query conversion has it. */
function booleanParameter(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value !== 'false' && value !== '0'
}

/** Throws BadRequest unless it is a whole number not below zero. */
export function integerParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (query parameter ${name})`)
  return value
}

function textParameter(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined
}

const FIELD_MANAGER_BYTES_MAX = 128

/** Who writes, where the request does not say: the program, as its User-Agent names it. */
function managerOfAgent(userAgent = ''): string {
  const [program = ''] = userAgent.split('/', 1)
  const printable = program.replace(/[^\x20-\x7e\u00a1-\uffff]/g, '')
  return Buffer.from(printable)
    .subarray(0, FIELD_MANAGER_BYTES_MAX)
    .toString('utf8')
    .replace(/\ufffd+$/, '')
}

const FIELD_VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'] as const

/** Who writes and how. Throws Invalid for values Kubernetes does not know. */
export function writeContext(
  optionsKind: string,
  { user, query, confirm, request }: RequestCall,
  patchType?: Patch['type'],
): RequestContext & { warnings: string[] } {
  const errors: FieldError[] = []
  const dryRun = query.getAll('dryRun').filter(value => value !== '')
  for (const value of dryRun) {
    if (value !== 'All') errors.push({ type: 'NotSupported', field: 'dryRun', value, supported: ['All'] })
  }
  const validation = query.get('fieldValidation') ?? ''
  if (!(FIELD_VALIDATIONS as readonly string[]).includes(validation)) {
    errors.push({ type: 'NotSupported', field: 'fieldValidation', value: validation, supported: FIELD_VALIDATIONS })
  }
  const fieldManager = textParameter(query, 'fieldManager')
  if (fieldManager && Buffer.byteLength(fieldManager) > FIELD_MANAGER_BYTES_MAX)
    errors.push({ type: 'TooLong', field: 'fieldManager', detail: 'may not be more than 128 bytes' })
  if (fieldManager && /[^\x20-\x7e\u00a1-\uffff]/.test(fieldManager)) {
    errors.push({ type: 'Invalid', field: 'fieldManager', value: fieldManager, detail: 'should only contain printable characters' })
  }
  if (patchType === 'apply' && !fieldManager)
    errors.push({ type: 'Required', field: 'fieldManager', detail: 'is required for apply patch' })
  if (patchType && patchType !== 'apply' && query.has('force')) {
    errors.push({ type: 'Forbidden', field: 'force', detail: 'may not be specified for non-apply patch' })
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', errors)
  return {
    user,
    confirm,
    warnings: [],
    fieldManager: fieldManager ?? managerOfAgent(request.headers['user-agent']),
    ...(dryRun.length > 0 && { dryRun: true }),
    ...(booleanParameter(query, 'force') && { force: true }),
    ...(validation && { fieldValidation: validation as NonNullable<RequestContext['fieldValidation']> }),
  }
}

const LIST_OPTIONS = { group: 'meta.k8s.io', kind: 'ListOptions' }

/** Throws BadRequest or Invalid. `name` is a name in the path, of which lists of one are made. */
export function listOptions(query: URLSearchParams, namespace: string | undefined, name?: string): ListOptions {
  const resourceVersion = textParameter(query, 'resourceVersion')
  const match = textParameter(query, 'resourceVersionMatch')
  const continueToken = textParameter(query, 'continue')
  const limit = integerParameter(query, 'limit')
  if (resourceVersion !== undefined && !/^\d{1,16}$/.test(resourceVersion)) {
    throw invalid(LIST_OPTIONS, '', [
      { type: 'Invalid', field: 'resourceVersion', value: resourceVersion, detail: 'must be a whole number' },
    ])
  }
  if (match !== undefined) checkMatch(match, { resourceVersion, continueToken })
  const fieldSelector = withName(textParameter(query, 'fieldSelector'), name)
  const labelSelector = textParameter(query, 'labelSelector')
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(limit && { limit }),
    ...(continueToken !== undefined && { continue: continueToken }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(match !== undefined && { resourceVersionMatch: match as 'Exact' | 'NotOlderThan' }),
  }
}

function checkMatch(
  match: string,
  { resourceVersion, continueToken }: { resourceVersion: string | undefined; continueToken: string | undefined },
): void {
  const errors: FieldError[] = []
  const field = 'resourceVersionMatch'
  if (match !== 'Exact' && match !== 'NotOlderThan')
    errors.push({ type: 'NotSupported', field, value: match, supported: ['Exact', 'NotOlderThan', ''] })
  else if (resourceVersion === undefined)
    errors.push({ type: 'Forbidden', field, detail: 'resourceVersionMatch is forbidden unless resourceVersion is provided' })
  else if (continueToken !== undefined)
    errors.push({ type: 'Forbidden', field, detail: 'resourceVersionMatch is forbidden when continue is provided' })
  else if (match === 'Exact' && resourceVersion === '0') {
    errors.push({ type: 'Forbidden', field, detail: 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"' })
  }
  if (errors.length > 0) throw invalid(LIST_OPTIONS, '', errors)
}

/** Throws BadRequest or Invalid. */
export function watchParameters(query: URLSearchParams, namespace: string | undefined, name?: string): WatchParameters {
  const sendInitialEvents = query.get('sendInitialEvents') !== null && booleanParameter(query, 'sendInitialEvents')
  const match = textParameter(query, 'resourceVersionMatch')
  const errors: FieldError[] = []
  if (sendInitialEvents && match !== 'NotOlderThan') {
    errors.push({
      type: 'Forbidden',
      field: 'resourceVersionMatch',
      detail: 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    })
  }
  if (!query.has('sendInitialEvents') && match !== undefined) {
    errors.push({
      type: 'Forbidden',
      field: 'resourceVersionMatch',
      detail: 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    })
  }
  const resourceVersion = textParameter(query, 'resourceVersion')
  if (resourceVersion !== undefined && !/^\d{1,16}$/.test(resourceVersion)) {
    errors.push({ type: 'Invalid', field: 'resourceVersion', value: resourceVersion, detail: 'must be a whole number' })
  }
  if (errors.length > 0) throw invalid(LIST_OPTIONS, '', errors)
  const labelSelector = textParameter(query, 'labelSelector')
  const fieldSelector = withName(textParameter(query, 'fieldSelector'), name)
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    allowWatchBookmarks: booleanParameter(query, 'allowWatchBookmarks'),
    ...(sendInitialEvents && { sendInitialEvents }),
  }
}

function withName(fieldSelector: string | undefined, name: string | undefined): string | undefined {
  if (name === undefined) return fieldSelector
  return fieldSelector ? `${fieldSelector},metadata.name=${name}` : `metadata.name=${name}`
}
