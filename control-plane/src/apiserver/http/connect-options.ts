/** What a client asks of a stream, as the object that admission sees. Pure. */
import type { ConnectOptions } from '../registry/index.ts'
import type { ProxyCall } from './options.ts'

const KINDS: Readonly<Record<string, string>> = { exec: 'PodExecOptions', attach: 'PodAttachOptions', portforward: 'PodPortForwardOptions' }

/** Undefined for a log, which is only read. */
export function connectOptions(subresource: string, query: URLSearchParams): ConnectOptions | undefined {
  const kind = KINDS[subresource]
  if (kind === undefined) return undefined
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap(text => text.split(',').map(Number).filter(Number.isInteger))
    return { kind, apiVersion: 'v1', ...(ports.length > 0 && { ports }) }
  }
  const flags = ['stdin', 'stdout', 'stderr', 'tty'].filter(name => isTrue(query.get(name)))
  const container = query.get('container')
  const command = query.getAll('command')
  return {
    kind,
    apiVersion: 'v1',
    ...Object.fromEntries(flags.map(name => [name, true])),
    ...(container && { container }),
    ...(subresource === 'exec' && command.length > 0 && { command }),
  }
}

const PROXY_KINDS = { pods: 'PodProxyOptions', services: 'ServiceProxyOptions', nodes: 'NodeProxyOptions' } as const

export function proxyOptions({ resource, path }: Pick<ProxyCall, 'resource' | 'path'>): ConnectOptions {
  return { kind: PROXY_KINDS[resource], apiVersion: 'v1', ...(path && { path }) }
}

function isTrue(text: string | null): boolean {
  return text !== null && text !== 'false' && text !== '0' && text !== ''
}
