/**
 * Binding under every order of events: claims are looked at with caches that are behind, writes are late and refused, the
 * controller is killed between any two of them. Never may two claims have one volume.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PersistentVolume, PersistentVolumeClaim } from '@davit/api'
import fc from 'fast-check'
import { ANNOTATIONS, isBound, volumeBelongsTo } from '../../volumes/index.ts'
import type { Action } from './actions.ts'
import { planClaim } from './plan-claim.ts'
import { planVolume } from './plan-volume.ts'

type Stored = PersistentVolume | PersistentVolumeClaim

class Conflict extends Error {}

/** What etcd has, and each version it ever had, so that a cache may show an older one. */
class Store {
  readonly #versions: Map<string, Stored>[] = [new Map()]

  get size(): number {
    return this.#versions.length
  }

  at(version: number): ReadonlyMap<string, Stored> {
    return this.#versions[Math.max(0, Math.min(this.#versions.length - 1, version))] ?? new Map()
  }

  get now(): ReadonlyMap<string, Stored> {
    return this.at(Number.POSITIVE_INFINITY)
  }

  put(object: Stored, isStatus = false): Stored {
    const key = `${object.kind}/${object.metadata.name}`
    const before = this.now.get(key)
    if (object.metadata.resourceVersion !== before?.metadata.resourceVersion) throw new Conflict(key)
    const { status } = isStatus ? object : (before ?? object)
    const rest = isStatus && before ? before : object
    const metadata = { ...rest.metadata, resourceVersion: String(this.#versions.length) }
    const written = { ...rest, metadata, ...(status && { status }) } as Stored
    this.#versions.push(new Map(this.now).set(key, structuredClone(written)))
    return written
  }

  delete(key: string): void {
    const next = new Map(this.now)
    next.delete(key)
    this.#versions.push(next)
  }
}

const claimsIn = (objects: ReadonlyMap<string, Stored>) =>
  [...objects.values()].filter((object): object is PersistentVolumeClaim => object.kind === 'PersistentVolumeClaim')
const volumesIn = (objects: ReadonlyMap<string, Stored>) =>
  [...objects.values()].filter((object): object is PersistentVolume => object.kind === 'PersistentVolume')

/** Performs up to `stepsMax` writes; then the controller is dead. */
function perform(store: Store, actions: readonly Action[], stepsMax: number): void {
  const versions = new Map<string, string>()
  const write = (object: Stored, isStatus = false) => {
    const uid = object.metadata.uid ?? ''
    const resourceVersion = versions.get(uid) ?? object.metadata.resourceVersion ?? ''
    const written = store.put({ ...object, metadata: { ...object.metadata, resourceVersion } }, isStatus)
    versions.set(uid, written.metadata.resourceVersion ?? '')
  }
  for (const action of actions.filter(({ kind }) => kind.startsWith('write')).slice(0, stepsMax)) {
    if (action.kind === 'write-volume') write(action.volume)
    if (action.kind === 'write-volume-status') write({ ...action.volume, status: action.status }, true)
    if (action.kind === 'write-claim') write(action.claim)
    if (action.kind === 'write-claim-status') write({ ...action.claim, status: action.status }, true)
  }
}

function lookAtClaim(
  store: Store,
  name: string,
  { claims, volumes, stepsMax }: { claims: number; volumes: number; stepsMax: number },
): void {
  const claim = store.at(claims).get(`PersistentVolumeClaim/${name}`) as PersistentVolumeClaim | undefined
  if (!claim) return
  const seen = new Map(volumesIn(store.at(volumes)).map(volume => [volume.metadata.name ?? '', volume]))
  // As the controller does: that a volume is missing is asked of etcd.
  const wanted = claim.spec.volumeName
  const fresh = wanted ? store.now.get(`PersistentVolume/${wanted}`) : undefined
  if (wanted && !seen.has(wanted) && fresh) seen.set(wanted, fresh as PersistentVolume)
  attempt(() => perform(store, planClaim({ claim, volumes: seen, classes: new Map(), nodes: new Map() }), stepsMax))
}

function lookAtVolume(
  store: Store,
  name: string,
  { claims, volumes, stepsMax }: { claims: number; volumes: number; stepsMax: number },
): void {
  const volume = store.at(volumes).get(`PersistentVolume/${name}`) as PersistentVolume | undefined
  if (!volume) return
  const { name: claimName, uid } = volume.spec.claimRef ?? {}
  const key = `PersistentVolumeClaim/${claimName}`
  const cached = store.at(claims).get(key)
  const claim = (cached && (!uid || cached.metadata.uid === uid) ? cached : store.now.get(key)) as PersistentVolumeClaim | undefined
  attempt(() => perform(store, planVolume({ volume, claim, nodes: new Map(), now: 0 }), stepsMax))
}

function attempt(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
  }
}

function check(store: Store): void {
  const owners = new Map<string, string>()
  for (const claim of claimsIn(store.now)) {
    if (claim.metadata.annotations?.[ANNOTATIONS.bindCompleted] === undefined) continue
    const name = claim.spec.volumeName ?? ''
    assert.equal(owners.get(name), undefined, `${claim.metadata.name} and ${owners.get(name)} both have ${name}`)
    owners.set(name, claim.metadata.name ?? '')
    const volume = store.now.get(`PersistentVolume/${name}`) as PersistentVolume | undefined
    if (volume && isBound(claim)) assert.ok(volumeBelongsTo(volume, claim), `${claim.metadata.name} has ${name}, which is not its own`)
  }
}

const names = ['a', 'b', 'c'] as const
const step = fc.record({
  what: fc.constantFrom('claim', 'volume', 'make-claim', 'drop-claim'),
  name: fc.constantFrom(...names),
  // How far the two caches are behind, in versions.
  claimsBehind: fc.integer({ min: 0, max: 6 }),
  volumesBehind: fc.integer({ min: 0, max: 6 }),
  stepsMax: fc.integer({ min: 0, max: 4 }),
  volumeName: fc.option(fc.constantFrom(...names), { nil: undefined }),
  keptFor: fc.option(fc.constantFrom(...names), { nil: undefined }),
})

test('no two claims ever have one volume, and in the end every volume that fits is in use', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const store = new Store()
      for (const [index, name] of names.entries()) store.put(makeVolume(name, index, steps[index]?.keptFor))
      let made = 0
      for (const { what, name, claimsBehind, volumesBehind, stepsMax, volumeName } of steps) {
        const behind = { claims: store.size - 1 - claimsBehind, volumes: store.size - 1 - volumesBehind, stepsMax }
        const key = `PersistentVolumeClaim/${name}`
        if (what === 'make-claim' && !store.now.has(key)) store.put(makeClaim(name, made++, volumeName))
        else if (what === 'drop-claim' && store.now.has(key)) store.delete(key)
        else if (what === 'claim') lookAtClaim(store, name, behind)
        else if (what === 'volume') lookAtVolume(store, name, behind)
        check(store)
      }
      // Then everything is quiet, and all comes to rest.
      const now = { claims: Number.POSITIVE_INFINITY, volumes: Number.POSITIVE_INFINITY, stepsMax: Number.POSITIVE_INFINITY }
      let before = -1
      for (let round = 0; before !== store.size; round++) {
        assert.ok(round < 20, 'does not come to rest')
        before = store.size
        for (const name of names) {
          lookAtVolume(store, name, now)
          lookAtClaim(store, name, now)
          check(store)
        }
      }
      const free = volumesIn(store.now).filter(({ spec, status }) => status?.phase === 'Available' && !spec.claimRef)
      const waiting = claimsIn(store.now).filter(claim => !isBound(claim) && !claim.spec.volumeName)
      assert.ok(free.length === 0 || waiting.length === 0, `${waiting.length} claims wait while ${free.length} volumes are free`)
    }),
    { numRuns: 500 },
  )
})

function makeVolume(name: string, index: number, keptFor: string | undefined): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, uid: `volume-${index}` },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      hostPath: { path: '/x' },
      persistentVolumeReclaimPolicy: 'Retain',
      ...(keptFor && { claimRef: { namespace: 'default', name: keptFor } }),
    },
    status: { phase: 'Pending' },
  }
}

function makeClaim(name: string, count: number, volumeName: string | undefined): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default', uid: `claim-${count}` },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...(volumeName && { volumeName }) },
    status: { phase: 'Pending' },
  }
}
