import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PodSpec } from '@davit/api'
import fc from 'fast-check'
import type { ContainerInfo } from '../docker/index.ts'
import { SANDBOX } from '../docker/index.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type Action, planPod } from './plan.ts'
import { absorb } from './records.ts'
import { checkpoint, container, info, observed, pod } from './test-pods.ts'

/** A machine on which every action succeeds at once and containers end as the script says. */
class World {
  containers: ContainerInfo[] = []
  checkpoint: Checkpoint
  prepared = false
  finished = false
  leaving = false
  now = 0
  starts: string[] = []

  constructor(spec: Partial<PodSpec>) {
    this.checkpoint = checkpoint(pod(spec))
  }

  step(): Action[] {
    const absorbed = absorb(this.checkpoint, this.containers, { now: this.now, messages: new Map(), busy: new Set() })
    Object.assign(this.checkpoint, absorbed)
    const probes = new Map(this.containers.filter(({ state }) => state === 'running').map(({ id }) => [id, { started: true, ready: true }]))
    const endedAt = new Map(
      Object.values(this.checkpoint.records).flatMap(({ ended }) => (ended ? [[ended.containerId, ended.finishedAt] as const] : [])),
    )
    const { containers, prepared, leaving, now } = this
    const actions = planPod(observed({ checkpoint: this.checkpoint, containers, prepared, leaving, probes, endedAt, now }))
    for (const action of actions) this.perform(action)
    return actions
  }

  perform(action: Action): void {
    const add = (name: string, attempt: number, networkMode: string) => {
      this.containers.push(info(name, { attempt, networkMode, startedAt: this.now }))
      if (name !== SANDBOX) this.starts.push(`${name} ${attempt}`)
    }
    switch (action.kind) {
      case 'prepare':
        this.prepared = true
        return
      case 'start-sandbox':
        add(SANDBOX, action.attempt, 'davit')
        return
      case 'start-container':
        add(
          action.name,
          action.attempt,
          action.network.from === 'container' ? `container:${action.network.id}` : action.network.from === 'own' ? 'davit' : 'host',
        )
        return
      case 'stop-container':
        this.end(action.id, 137)
        return
      case 'update-container': {
        const record = this.checkpoint.records[action.name]
        if (record) record.updated = action.label
        return
      }
      case 'remove-container':
        this.containers = this.containers.filter(({ id }) => id !== action.id)
        return
      case 'terminate':
        for (const { id, state } of this.containers) if (state === 'running') this.end(id, 143)
        return
      case 'conclude':
        this.checkpoint.final = { phase: action.phase }
        return
      case 'finish':
        this.finished = true
        return
      case 'again':
        return
      default:
        action satisfies never
    }
  }

  end(id: string, exitCode: number): void {
    this.containers = this.containers.map(found =>
      found.id === id ? { ...found, state: 'exited', exitCode, finishedAt: this.now, pid: 0 } : found,
    )
  }

  /** Steps until nothing more is to be done now; fails when that takes for ever. */
  settle(): void {
    for (let steps = 0; steps < 60; steps++) {
      if (this.finished) return
      const actions = this.step()
      if (actions.every(({ kind }) => kind === 'again')) return
    }
    assert.fail(`did not come to rest: ${JSON.stringify(this.step())}`)
  }
}

const specs = fc.record({
  restartPolicy: fc.constantFrom('Always' as const, 'OnFailure' as const, 'Never' as const),
  hostNetwork: fc.boolean(),
  containers: fc.integer({ min: 1, max: 3 }).map(count => Array.from({ length: count }, (_, index) => container(`c${index}`))),
  initContainers: fc
    .array(fc.boolean(), { maxLength: 2 })
    .map(sidecars => sidecars.map((sidecar, index) => container(`i${index}`, sidecar ? { restartPolicy: 'Always' } : {}))),
})
type Event =
  | { what: 'exit'; pick: number; code: number }
  | { what: 'prune' }
  | { what: 'wait'; ms: number }
  | { what: 'reboot' }
  | { what: 'delete' }
const events = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ what: fc.constant('exit' as const), pick: fc.nat(20), code: fc.constantFrom(0, 1) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 1_000, max: 700_000 }) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('prune' as const, 'reboot' as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const) }) },
  ),
  { maxLength: 20 },
)

function happen(world: World, event: Event): void {
  const running = world.containers.filter(({ state }) => state === 'running')
  switch (event.what) {
    case 'exit': {
      const chosen = running[event.pick % Math.max(1, running.length)]
      if (chosen) world.end(chosen.id, event.code)
      return
    }
    case 'prune':
      world.containers = running
      return
    case 'reboot':
      for (const { id } of running) world.end(id, 255)
      world.prepared = false
      return
    case 'wait':
      world.now += event.ms
      return
    case 'delete':
      world.leaving = true
      return
    default:
      event satisfies never
  }
}

it('planPod() comes to rest after whatever happens, never starts an attempt twice, and leaves nothing of a deleted pod', () => {
  fc.assert(
    fc.property(specs, events, (spec, script) => {
      const world = new World(spec)
      world.settle()
      for (const event of script) {
        world.now += 10
        happen(world, event)
        const wasFinal = world.checkpoint.final !== undefined
        const startsBefore = world.starts.length
        world.settle()
        if (wasFinal || world.leaving) assert.equal(world.starts.length, startsBefore, 'nothing starts in a pod that has ended')
        const running = world.containers.filter(({ state }) => state === 'running').map(({ container: name }) => name)
        assert.equal(new Set(running).size, running.length, 'no container runs twice')
        if (world.leaving) assert.deepEqual(running, [])
        if (world.finished) break
      }
      assert.equal(new Set(world.starts).size, world.starts.length, 'an attempt is made once')
      if (world.leaving) assert.ok(world.finished)
    }),
    { numRuns: 500 },
  )
})
