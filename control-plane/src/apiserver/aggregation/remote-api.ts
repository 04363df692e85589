import type { ApiService } from '@davit/api'
import type { RemoteApi } from './types.ts'

const PORT = 443
/** Of APIServices. */
export const OWN_GROUP = 'apiregistration.k8s.io'

/** Undefined for one that this server serves itself. Pure. */
export function remoteApiOf({ metadata, spec = {} }: ApiService): RemoteApi | undefined {
  const { service, group = '', version = '', caBundle, insecureSkipTLSVerify = false } = spec
  // Nobody may take over what APIServices themselves are served by, nor what is older than all groups: there would be no way back.
  if (!service || group === OWN_GROUP || group === '') return undefined
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
