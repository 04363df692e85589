import type { ConfigMap, Namespace, Secret, ServiceAccount } from '@davit/api'
import type { Describer } from './describer.ts'
import { eventsOf, writeEvents } from './events.ts'
import { type DescriptionWriter, writeAnnotations, writeMap } from './writer.ts'

export const describeNamespace: Describer<Namespace> = async (out, { metadata, status }) => {
  out.field(0, 'Name', metadata.name)
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  out.field(0, 'Status', status?.phase ?? '')
  if (status?.conditions?.length) {
    out.line(0, 'Conditions:')
    out.line(1, 'Type', 'Status', 'LastTransitionTime', 'Reason', 'Message')
    out.line(1, '----', '------', '------------------', '------', '-------')
    for (const { type, status: state, lastTransitionTime = '', reason = '', message = '' } of status.conditions) {
      out.line(1, type, state, lastTransitionTime, reason, message)
    }
  }
}

export const describeConfigMap: Describer<ConfigMap> = async (out, configMap, { session, now, showEvents }) => {
  out.field(0, 'Name', configMap.metadata.name)
  out.field(0, 'Namespace', configMap.metadata.namespace)
  writeMap(out, 0, 'Labels', configMap.metadata.labels)
  writeAnnotations(out, configMap.metadata.annotations)
  out.raw('\nData\n====\n')
  for (const [key, value] of sorted(configMap.data)) out.raw(`${key}:\n----\n${value}\n\n`)
  out.raw('\nBinaryData\n====\n')
  for (const [key, value] of sorted(configMap.binaryData)) out.raw(`${key}: ${Buffer.byteLength(value, 'base64')} bytes\n`)
  out.raw('\n')
  if (showEvents) writeEvents(out, await eventsOf(session, configMap), now)
}

export const describeSecret: Describer<Secret> = async (out, secret) => {
  out.field(0, 'Name', secret.metadata.name)
  out.field(0, 'Namespace', secret.metadata.namespace)
  writeMap(out, 0, 'Labels', secret.metadata.labels)
  writeAnnotations(out, secret.metadata.annotations)
  out.raw(`\nType:\t${secret.type ?? ''}\n\nData\n====\n`)
  for (const [key, value] of sorted(secret.data)) out.line(0, `${key}:`, valueText(secret, key, value))
}

/** Sizes only, but for tokens, which people come here to read. */
function valueText({ type }: Secret, key: string, value: string): string {
  if (type === 'kubernetes.io/service-account-token' && key === 'token') return Buffer.from(value, 'base64').toString('utf8')
  return `${Buffer.byteLength(value, 'base64')} bytes`
}

export const describeServiceAccount: Describer<ServiceAccount> = async (out, account, { session, now, showEvents }) => {
  out.field(0, 'Name', account.metadata.name)
  out.field(0, 'Namespace', account.metadata.namespace)
  writeMap(out, 0, 'Labels', account.metadata.labels)
  writeAnnotations(out, account.metadata.annotations)
  writeNames(out, 'Image pull secrets', account.imagePullSecrets)
  writeNames(out, 'Mountable secrets', account.secrets)
  writeNames(out, 'Tokens', [])
  if (showEvents) writeEvents(out, await eventsOf(session, account), now)
}

function writeNames(out: DescriptionWriter, label: string, references: readonly { name?: string }[] | undefined): void {
  if (!references?.length) out.field(0, label, '<none>')
  for (const [at, { name = '' }] of (references ?? []).entries()) out.line(0, at === 0 ? `${label}:` : '', name)
}

function sorted(map: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
}
