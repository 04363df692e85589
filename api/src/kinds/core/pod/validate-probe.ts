/** Rules of probes and lifecycle hooks, in Kubernetes' words. */
import { forbiddenField, invalidIf, invalidValue, nonNegative, requiredValue, unsupportedValue } from '../../../field-errors.ts'
import type { IntOrString } from '../../../meta.ts'
import { isPortName, isPortNumber } from '../../../names.ts'
import type { FieldError } from '../../../status.ts'
import type { Container, HttpGetAction, Lifecycle, LifecycleHandler, Probe } from './container-types.ts'
import type { PodSpec } from './types.ts'

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const
const COUNTS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const
const HEADER_NAME = /^[-A-Za-z0-9]+$/
const HEADER_WORDS =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"

type Handler = Probe & LifecycleHandler

export function validateProbes(container: Container, path: string): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe } = container
  const errors = [
    ...validateProbe(livenessProbe, `${path}.livenessProbe`),
    ...validateProbe(readinessProbe, `${path}.readinessProbe`),
    ...validateProbe(startupProbe, `${path}.startupProbe`),
  ]
  // One success ends what only failures count towards; only readiness may ask for several.
  for (const [name, probe] of Object.entries({ livenessProbe, startupProbe })) {
    if (probe && (probe.successThreshold ?? 1) !== 1) {
      errors.push(invalidValue(`${path}.${name}.successThreshold`, probe.successThreshold, 'must be 1'))
    }
  }
  if (readinessProbe?.terminationGracePeriodSeconds !== undefined) {
    const field = `${path}.readinessProbe.terminationGracePeriodSeconds`
    errors.push(invalidValue(field, readinessProbe.terminationGracePeriodSeconds, 'must not be set for readinessProbes'))
  }
  return errors
}

export function validateLifecycle(
  lifecycle: Lifecycle | undefined,
  path: string,
  { terminationGracePeriodSeconds, os }: Pick<PodSpec, 'terminationGracePeriodSeconds' | 'os'>,
): FieldError[] {
  const errors = (['postStart', 'preStop'] as const).flatMap(name => {
    const handler = lifecycle?.[name]
    return handler ? validateHandler(handler, `${path}.${name}`, terminationGracePeriodSeconds) : []
  })
  if (lifecycle?.stopSignal === undefined) return errors
  return [...errors, ...validateStopSignal(lifecycle.stopSignal, `${path}.stopSignal`, os?.name)]
}

const NAMED_SIGNALS =
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ'
const RT_SIGNALS = ['RTMIN', ...numbered('RTMIN+', 15), ...numbered('RTMAX-', 14).reverse(), 'RTMAX']
const SIGNALS: Readonly<Record<string, readonly string[]>> = {
  linux: [...NAMED_SIGNALS.split(' '), ...RT_SIGNALS].map(name => `SIG${name}`),
  windows: ['SIGKILL', 'SIGTERM'],
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`)
}

function validateStopSignal(signal: string, field: string, os: string | undefined): FieldError[] {
  if (os === undefined) return [forbiddenField(field, 'may not be set for containers with empty `spec.os.name`')]
  const known = SIGNALS[os] ?? []
  return known.includes(signal) ? [] : [unsupportedValue(field, signal, known)]
}

function validateProbe(probe: Probe | undefined, path: string): FieldError[] {
  if (!probe) return []
  const grace = probe.terminationGracePeriodSeconds
  return [
    ...validateHandler(probe, path),
    ...COUNTS.flatMap(name => nonNegative(`${path}.${name}`, probe[name])),
    ...(grace !== undefined && grace <= 0 ? [invalidValue(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')] : []),
  ]
}

function validateHandler(handler: Handler, path: string, graceSeconds?: number): FieldError[] {
  const [first, ...more] = HANDLERS.filter(name => handler[name])
  if (!first) return [requiredValue(path, 'must specify a handler type')]
  return [
    ...validateAction(handler, first, `${path}.${first}`, graceSeconds),
    ...more.map(name => forbiddenField(`${path}.${name}`, 'may not specify more than 1 handler type')),
  ]
}

function validateAction(handler: Handler, name: (typeof HANDLERS)[number], path: string, graceSeconds = 0): FieldError[] {
  switch (name) {
    case 'exec':
      return handler.exec?.command?.length ? [] : [requiredValue(`${path}.command`)]
    case 'httpGet':
      return handler.httpGet ? validateHttpGet(handler.httpGet, path) : []
    case 'tcpSocket':
      return validatePortNumberOrName(handler.tcpSocket?.port, `${path}.port`)
    case 'grpc':
      return validatePortNumberOrName(handler.grpc?.port, `${path}.port`)
    case 'sleep': {
      const seconds = handler.sleep?.seconds ?? 0
      if (seconds >= 0 && seconds <= graceSeconds) return []
      return [invalidValue(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)]
    }
  }
}

function validateHttpGet(action: HttpGetAction, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (!action.path) errors.push(requiredValue(`${path}.path`))
  errors.push(...validatePortNumberOrName(action.port, `${path}.port`))
  for (const { name } of action.httpHeaders ?? []) {
    if (!HEADER_NAME.test(name ?? '')) errors.push(invalidValue(`${path}.httpHeaders`, name ?? '', HEADER_WORDS))
  }
  return errors
}

function validatePortNumberOrName(port: IntOrString | undefined, field: string): FieldError[] {
  if (typeof port === 'string') return invalidIf(field, port, isPortName(port))
  return invalidIf(field, port ?? 0, isPortNumber(port ?? 0))
}
