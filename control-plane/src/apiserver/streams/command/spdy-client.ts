import type { Duplex } from 'node:stream'
import { badRequest } from '@davit/api'
import type { CommandClient } from './command-client.ts'
import type { CommandOptions } from './command-options.ts'

export const SPDY_PROTOCOLS = ['v4.channel.k8s.io'] as const

export async function acceptSpdyClient(
  _socket: Duplex,
  _options: { head: Buffer; protocol: string; options: CommandOptions },
): Promise<CommandClient> {
  throw badRequest('not yet')
}
