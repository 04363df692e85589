import type { Container, HttpGetAction, LifecycleHandler, Probe } from './container-types.ts'

/** Changes `container`. */
export function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent'
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.resources ??= {}
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const { valueFrom } of container.env ?? []) if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1'
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) if (probe) defaultProbe(probe)
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) if (handler) defaultHandler(handler)
}

/** True when the image has the tag `latest`, said or unsaid. A digest alone pins the image. */
export function isLatest(image: string): boolean {
  if (image === '') return false
  const [name = '', digest] = image.split('@')
  const last = name.slice(name.lastIndexOf('/') + 1)
  const colon = last.indexOf(':')
  if (colon === -1) return digest === undefined
  return last.slice(colon + 1) === 'latest'
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  if (probe.grpc) probe.grpc.service ??= ''
  if (probe.httpGet) defaultHttpGet(probe.httpGet)
}

function defaultHandler({ httpGet }: LifecycleHandler): void {
  if (httpGet) defaultHttpGet(httpGet)
}

function defaultHttpGet(action: HttpGetAction): void {
  action.path ||= '/'
  action.scheme ||= 'HTTP'
}
