/**
 * Thousands of random requests, and after them a control plane that lives and holds only objects it would take again.
 * DAVIT_FUZZ_RUNS says how many (1000), DAVIT_FUZZ_SEED which ones; a failure prints the request and the seed.
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { KINDS, type KubernetesObject, resourcePath } from '@davit/api'
import { heldAtRest } from './at-rest.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { DEFINITIONS } from './fuzz-kinds.ts'
import { RandomRequests } from './random-requests.ts'
import type { Answer, Ask } from './send.ts'
import { until } from './until.ts'

const RUNS = Number(process.env.DAVIT_FUZZ_RUNS ?? 1000)
const SEED = Number(process.env.DAVIT_FUZZ_SEED ?? 20_261)
const AT_ONCE = 8
const FAULTS_MAX = 20

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fuzz' } }
  assert.equal((await plane.ask({ method: 'POST', path: '/api/v1/namespaces', body })).code, 201)
  for (const definition of DEFINITIONS) {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    const made = await plane.ask({ method: 'POST', path, body: definition })
    assert.equal(made.code, 201, made.text)
    const { names } = definition.spec
    await until(names.plural, async () => (await plane.ask({ path: `/apis/fuzz.example.com/v1/${names.plural}` })).code === 200)
  }
})
after(() => plane[Symbol.asyncDispose]())

/** What no good server does; undefined when the answer is fine. */
function faultOf(ask: Ask, answer: Answer): string | undefined {
  const { code, json, text } = answer
  const path = ask.path.split('?', 1)[0] ?? ''
  // No node is connected, so what goes to one cannot be had.
  const needsNode = /\/log$|\/images$|\/proxy\b/.test(path)
  if (code >= 500 && !(code === 503 && needsNode)) return 'a failure of the server'
  if (code < 400 || ask.method === 'HEAD' || /^\/(healthz|livez|readyz)/.test(path)) return undefined
  // Asked for as YAML.
  if (text.startsWith('apiVersion:') || text.startsWith('kind: Status')) return undefined
  return json.kind === 'Status' && json.code === code && typeof json.message === 'string' ? undefined : 'no Status'
}

/** What no request changes. */
const SAME = ['/version', '/api', '/api/v1', '/apis/apps/v1', '/api/v1/namespaces/kube-system?resourceVersion=0', '/openid/v1/jwks']
const answersNow = async () => Promise.all(SAME.map(async path => (await plane.ask({ path })).text))

const FILES_MORE_MAX = 10
const HEAP_MORE_MEGABYTES_MAX = 100
const RESIDENT_MORE_MEGABYTES_MAX = 250

it(`${RUNS} random requests from seed ${SEED} are answered without a failure`, { timeout: 3_600_000 }, async () => {
  const requests = new RandomRequests(SEED)
  const codes = new Map<number, number>()
  const faults = new Map<string, string>()
  const ask = async (count: number) => {
    let left = count
    const work = async () => {
      while (left-- > 0 && faults.size < FAULTS_MAX) {
        const next = requests.next()
        const described = () => `${next.method} ${next.path}\n${JSON.stringify(next.headers)}\n${String(next.body ?? '')}`
        const answer = await plane.ask(next).catch((error: unknown) => {
          // A path that even Node's client refuses to send is no request.
          if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_')) return undefined
          throw new Error(`No answer (seed ${SEED}): ${described()}`, { cause: error })
        })
        if (!answer) continue
        codes.set(answer.code, (codes.get(answer.code) ?? 0) + 1)
        const fault = faultOf(next, answer)
        if (fault)
          faults.set(
            `${next.method} ${next.path.split('?', 1)[0]} ${answer.text.slice(0, 100)}`,
            `${fault} (seed ${SEED}): ${described()}\n${answer.code} ${answer.text.slice(0, 2000)}`,
          )
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }
  const same = await answersNow()
  // What is made once is made by the first of them.
  await ask(Math.ceil(RUNS / 5))
  const before = await heldAtRest(plane)
  await ask(RUNS - Math.ceil(RUNS / 5))
  assert.deepEqual([...faults.values()], [])
  assert.ok(plane.isAlive())
  // Most requests must get somewhere, or this proves little.
  assert.ok((codes.get(201) ?? 0) > RUNS / 100, JSON.stringify([...codes]))
  assert.ok((codes.get(422) ?? 0) > RUNS / 100, JSON.stringify([...codes]))

  const bound = {
    files: before.files + FILES_MORE_MAX,
    heapMegabytes: before.heapMegabytes + HEAP_MORE_MEGABYTES_MAX,
    residentMegabytes: before.residentMegabytes + RESIDENT_MORE_MEGABYTES_MAX,
  }
  const isWithin = (held: typeof bound) =>
    held.files <= bound.files && held.heapMegabytes <= bound.heapMegabytes && held.residentMegabytes <= bound.residentMegabytes
  const left = await heldAtRest(plane, isWithin)
  console.log(`answers ${JSON.stringify(Object.fromEntries(codes))}, held ${JSON.stringify({ before, left })}`)
  assert.ok(isWithin(left), `held before ${JSON.stringify(before)}, after ${JSON.stringify(left)}`)
  assert.deepEqual(await answersNow(), same)
})

for (const kind of KINDS) {
  it(`every ${kind.kind} that was stored is shown in every form, and taken again as it is`, async () => {
    const path = resourcePath(kind, {})
    const list = await plane.ask({ path })
    assert.equal(list.code, 200, list.text)
    for (const accept of [
      'application/json;as=Table;v=v1;g=meta.k8s.io',
      'application/yaml',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    ]) {
      assert.equal((await plane.ask({ path: `${path}?includeObject=Object`, headers: { accept } })).code, 200)
    }
    for (const item of list.json.items as KubernetesObject[]) {
      const { name = '', namespace, deletionTimestamp } = item.metadata
      if (deletionTimestamp) continue
      const body = { ...item, metadata: { ...item.metadata, resourceVersion: undefined } }
      const target = resourcePath(kind, { name, ...(namespace !== undefined && { namespace }) })
      const answer = await plane.ask({ method: 'PUT', path: `${target}?fieldValidation=Strict&dryRun=All`, body })
      // Controllers may have removed it meanwhile.
      if (answer.code !== 404) assert.equal(answer.code, 200, `${answer.text}\n${JSON.stringify(item)}`)
    }
  })
}

it('nothing failed inside', () => {
  assert.ok(plane.isAlive())
  assert.deepEqual(
    plane.log.filter(({ level = 0 }) => level >= 50),
    [],
  )
})
