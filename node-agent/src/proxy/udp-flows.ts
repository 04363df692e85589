/**
 * A UDP flow keeps the endpoint it began with for as long as it sends, also when that endpoint is gone, and one that began
 * before its Service had rules is never translated. So such flows are forgotten when endpoints change. Pure but for `forget`.
 */
import type { Logger } from '@davit/api'
import { CommandError, runCommand } from '../network/index.ts'
import type { ServicePort } from './rules.ts'

/** Arguments of one `conntrack -D`. */
export type Forget = readonly string[]

/** What to forget when a Service's ports change from `before` to `after`. */
export function flowsToForget(before: readonly ServicePort[], after: readonly ServicePort[]): Forget[] {
  const forget: Forget[] = []
  for (const port of after.length > 0 ? after : before) {
    if (port.protocol !== 'udp') continue
    const old = before.find(({ id }) => id === port.id)
    const now = after.find(({ id }) => id === port.id)
    const removed = (old?.cluster ?? []).filter(endpoint => !now?.cluster.includes(endpoint))
    const isNew = (now?.cluster.length ?? 0) > 0 && (old?.cluster.length ?? 0) === 0
    for (const { address, port: number } of port.frontends) {
      const to = ['-p', 'udp', ...(address === undefined ? [] : ['--orig-dst', address]), '--orig-port-dst', String(number)]
      if (isNew) forget.push(to)
      for (const endpoint of removed) forget.push([...to, '--dst-nat', endpoint.slice(0, endpoint.lastIndexOf(':'))])
    }
  }
  return forget
}

let warned = false

/** Takes the flows out of the kernel's memory. Never throws: what is left heals when its sender pauses. */
export async function forget(flows: readonly Forget[], log: Logger): Promise<void> {
  for (const flow of flows) {
    try {
      await runCommand('conntrack', ['-D', ...flow])
    } catch (err) {
      if (err instanceof CommandError && err.code === 1) continue // None there.
      if (!warned) log.warn({ err }, 'Cannot forget UDP flows, which may go to removed endpoints until they pause; is conntrack installed?')
      warned = true
    }
  }
}
