import type { ApiService } from '@davit/api'
import type { RemoteApi } from './types.ts'

const PORT = 443

/** Undefined for one that this server serves itself. Pure. */
export function remoteApiOf({ metadata, spec = {} }: ApiService): RemoteApi | undefined {
  const { service, group = '', version = '', caBundle, insecureSkipTLSVerify = false } = spec
  if (!service) return undefined
  return {
    name: metadata.name ?? '',
    group,
    version,
    service: { namespace: service.namespace ?? '', name: service.name ?? '', port: service.port ?? PORT },
    ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }),
    insecure: insecureSkipTLSVerify,
    groupPriority: spec.groupPriorityMinimum ?? 0,
    versionPriority: spec.versionPriority ?? 0,
  }
}
