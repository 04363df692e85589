/** Levels and schemas put together, and changed while requests are under way. */
import { randomUUID } from 'node:crypto'
import { type Clock, type FlowSchema, MANDATORY_FLOW_SCHEMAS, MANDATORY_PRIORITY_LEVELS, type PriorityLevelConfiguration } from '@davit/api'
import { Level, type SchemaCounters } from './level.ts'
import { byPrecedence, type Matcher, matcherOf } from './matching.ts'
import { divideSeats, SeatPool } from './seats.ts'
import type { Flow, FlowControl, FlowRequest, FlowStats } from './types.ts'

export interface ConfigurableFlowControl extends FlowControl {
  /** Follows these from now on; what they lack of the mandatory ones is there all the same. */
  configure(schemas: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): void
}

export interface FlowControlOptions {
  /** Requests that are served at once, of all levels that have a limit. */
  readonly seats: number
  readonly clock: Pick<Clock, 'monotonic'>
  /** Of the process. */
  readonly salt?: string
}

/** Begins with what is mandatory. */
export function createFlowControl(options: FlowControlOptions): ConfigurableFlowControl {
  return new LiveFlowControl(options)
}

interface Schema {
  readonly matches: Matcher
  readonly uid: string
  readonly level: Level
  readonly distinguisher: string | undefined
  readonly counters: SchemaCounters
}

class LiveFlowControl implements ConfigurableFlowControl {
  readonly stats: FlowStats = { levels: () => this.#levelStats(), schemas: () => this.#schemaStats(), onWait: () => {} }
  readonly #options: FlowControlOptions
  readonly #salt: string
  readonly #pool = new SeatPool()
  readonly #levels = new Map<string, Level>()
  /** Levels that are there no more, with requests of theirs under way. */
  readonly #retired = new Set<Level>()
  readonly #counters = new Map<string, SchemaCounters>()
  #schemas: readonly Schema[] = []

  constructor(options: FlowControlOptions) {
    this.#options = options
    this.#salt = options.salt ?? randomUUID()
    this.configure([], [])
  }

  configure(schemas: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): void {
    const allLevels = withMandatory(levels, MANDATORY_PRIORITY_LEVELS)
    const bounds = divideSeats(this.#options.seats, allLevels)
    const names = new Set(allLevels.map(({ metadata: { name = '' } }) => name))
    for (const [name, level] of this.#levels) if (!names.has(name)) this.#retire(name, level)
    for (const configuration of allLevels) {
      const { name = '' } = configuration.metadata
      this.#levelOf(name).configure(configuration, bounds.get(name))
    }
    this.#pool.configure(this.#allLevels())
    this.#schemas = withMandatory(schemas, MANDATORY_FLOW_SCHEMAS)
      .toSorted(byPrecedence)
      .flatMap(schema => this.#compile(schema))
    const kept = new Set(this.#schemas.map(({ counters }) => counters))
    for (const [name, counters] of this.#counters) if (!kept.has(counters)) this.#counters.delete(name)
    this.#serveWaiting()
  }

  flowOf(request: FlowRequest): Flow {
    const found = this.#schemas.find(({ matches }) => matches(request)) ?? this.#schemas.at(-1)
    // The mandatory ones are always among them.
    if (!found) throw new Error('Cannot tell the flow of a request: there is no schema')
    const { uid, level, counters, distinguisher } = found
    return {
      schemaUid: uid,
      levelUid: level.uid,
      enter: waitMsMax => level.enter(`${counters.name}/${distinction(distinguisher, request)}`, counters, waitMsMax),
    }
  }

  /** None for a schema whose level is not there: it takes no requests. */
  #compile(schema: FlowSchema): Schema[] {
    const { metadata, spec } = schema
    const { name = '', uid = '' } = metadata
    const level = this.#levels.get(spec?.priorityLevelConfiguration?.name ?? '')
    if (!level) return []
    const counters = this.#counters.get(name) ?? { name, waiting: 0, executing: 0, dispatched: 0, rejected: {} }
    this.#counters.set(name, counters)
    return [{ matches: matcherOf(schema), uid, level, distinguisher: spec?.distinguisherMethod?.type, counters }]
  }

  #levelOf(name: string): Level {
    const known = this.#levels.get(name)
    if (known) return known
    const level = new Level({
      name,
      pool: this.#pool,
      clock: this.#options.clock,
      salt: this.#salt,
      onFree: () => this.#serveWaiting(),
      onWait: (schema, seconds, served) => this.stats.onWait(schema, name, seconds, served),
    })
    this.#levels.set(name, level)
    return level
  }

  #retire(name: string, level: Level): void {
    this.#levels.delete(name)
    if (level.isIdle) return
    level.retire()
    this.#retired.add(level)
  }

  *#allLevels(): Iterable<Level> {
    yield* this.#levels.values()
    for (const level of this.#retired) {
      if (level.isIdle) this.#retired.delete(level)
      else yield level
    }
  }

  /** Whoever has the least of what is his comes first. */
  #serveWaiting(): void {
    for (;;) {
      let first: Level | undefined
      for (const level of this.#allLevels()) {
        if (level.hasWaiting && this.#pool.mayTake(level) && (!first || shareInUse(level) < shareInUse(first))) first = level
      }
      if (!first?.serveNext()) return
    }
  }

  *#levelStats() {
    for (const { name, bounds, inUse } of this.#levels.values()) yield { name, seats: bounds.nominal, seatsInUse: inUse }
  }

  *#schemaStats() {
    for (const { counters, level } of this.#schemas) yield { ...counters, level: level.name }
  }
}

function shareInUse({ inUse, bounds }: Level): number {
  return inUse / Math.max(1, bounds.nominal)
}

function withMandatory<T extends FlowSchema | PriorityLevelConfiguration>(found: readonly T[], mandatory: readonly T[]): T[] {
  const names = new Set(found.map(({ metadata: { name } }) => name))
  return [...found, ...mandatory.filter(({ metadata: { name } }) => !names.has(name))]
}

function distinction(method: string | undefined, { user, resource }: FlowRequest): string {
  if (method === 'ByUser') return user.name
  return method === 'ByNamespace' ? (resource?.namespace ?? '') : ''
}
