/** What a case works with that needs no node. */
import type { Answer, Ask } from '../control-plane/send.ts'
import type { PlaneCluster } from './api-cluster.ts'
import { ApiContext } from './api-context.ts'

export type Json = Record<string, unknown>

export class PlaneContext extends ApiContext<PlaneCluster> {
  /** One request by the administrator, as it stands. */
  ask(ask: Ask): Promise<Answer> {
    return this.cluster.plane.ask(ask)
  }

  /** As `ask`; gives the JSON of the answer, whose code must be `code`. */
  async must(code: number, ask: Ask): Promise<Answer['json']> {
    return (await this.cluster.plane.must(code, ask)).json
  }

  /** What a GET gives. */
  read(path: string, headers: Record<string, string> = {}): Promise<Answer['json']> {
    return this.must(200, { path, headers })
  }
}
