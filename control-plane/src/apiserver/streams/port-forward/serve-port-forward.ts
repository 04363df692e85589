import { badRequest } from '@davit/api'
import type { StreamsOptions, UpgradeRequest } from '../create-streams.ts'

export async function servePortForward(_options: StreamsOptions, _upgrade: UpgradeRequest): Promise<void> {
  throw badRequest('not yet')
}
