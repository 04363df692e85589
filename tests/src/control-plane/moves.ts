/** The few moves that most tests over plain HTTP make. */
import assert from 'node:assert/strict'
import type { KubernetesObject } from '@davit/api'
import type { ControlPlane } from './control-plane.ts'
import { type Answer, must } from './send.ts'

export type Json = Record<string, unknown>
type PatchType = 'merge-patch' | 'strategic-merge-patch'

/** Moves with a control plane that may start later, such as in a `before`; what a request is answered with must have the code given. */
export function movesWith(plane: () => ControlPlane) {
  const send = (method: string, path: string, body?: Json, headers = {}) => plane().ask({ method, path, headers, ...(body && { body }) })
  const patch = (path: string, body: Json, type: PatchType = 'merge-patch') =>
    send('PATCH', path, body, { 'content-type': `application/${type}+json` })
  return {
    send,
    patch,
    post: (path: string, body: Json, code = 201) => mustJson(send('POST', path, body), code),
    async refused(path: string, body: Json, code: number, message: RegExp): Promise<void> {
      assert.match((await must(send('POST', path, body), code)).message, message)
    },
  }
}

/** The body of the answer, which must have that code. */
export async function mustJson(answer: Promise<Answer>, code: number): Promise<Json> {
  return (await must(answer, code)).json
}

export const metadataOf = (object: Json) => object.metadata as KubernetesObject['metadata']

/** A Status, and the one that is wanted. */
export function assertStatus(answer: Answer, code: number, message?: RegExp | string): void {
  assert.equal(answer.code, code, answer.text.slice(0, 1000))
  assert.equal(answer.json.kind, 'Status', answer.text.slice(0, 1000))
  assert.equal(answer.json.code, code)
  if (typeof message === 'string') assert.equal(answer.message, message)
  else if (message) assert.match(answer.message, message)
}

/** The process lives, and its log tells of no fault of its own. */
export function assertSound(plane: ControlPlane): void {
  assert.ok(plane.isAlive())
  const faults = plane.log.filter(({ level = 0, msg }) => level >= 50 && msg !== 'Logs')
  assert.deepEqual(faults, [])
}

/** Code and message in one. */
export async function refusal(answer: Promise<Answer>): Promise<string> {
  const { code, message } = await answer
  return `${code} ${message}`
}
