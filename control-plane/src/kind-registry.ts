/** The kinds that this process serves: those that are always there, and those that users define while it runs. */
import { apiVersionOf, type Kind } from '@davit/api'

export class KindRegistry {
  /** Always there, in the order discovery shows them. */
  readonly builtIn: readonly Kind[]
  readonly #custom = new Map<string, readonly Kind[]>()
  readonly #listeners = new Set<() => void>()
  #all: readonly Kind[]
  #byPath: ReadonlyMap<string, Kind>
  #byObject: ReadonlyMap<string, Kind> = new Map()

  constructor(builtIn: readonly Kind[]) {
    this.builtIn = builtIn
    this.#all = builtIn
    this.#byPath = byPath(builtIn)
  }

  /** Every kind, in the order discovery shows them. The same array as before when nothing has changed. */
  get all(): readonly Kind[] {
    return this.#all
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`)
  }

  /** The kind that users defined of an object's `apiVersion` and `kind`. */
  findCustom(apiVersion: string, kind: string): Kind | undefined {
    return this.#byObject.get(`${apiVersion} ${kind}`)
  }

  /** Whether the definition's resources are stored and looked after, if not served. */
  hasDefinition(name: string): boolean {
    return this.#custom.has(name)
  }

  /** The kinds that a definition defines now: one for each version that is served. */
  define(definition: string, kinds: readonly Kind[]): void {
    this.#custom.set(definition, kinds)
    this.#changed()
  }

  /** Takes away what a definition defined. */
  undefine(definition: string): void {
    if (this.#custom.delete(definition)) this.#changed()
  }

  /** Calls back after every change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #changed(): void {
    const custom = [...this.#custom]
      .sort(([a], [b]) => compare(groupOf(a), groupOf(b)) || compare(a, b))
      .flatMap(([, kinds]) => kinds)
      // What is always there cannot be taken over.
      .filter(
        ({ group, version, plural }) =>
          !this.builtIn.some(kind => kind.group === group && kind.version === version && kind.plural === plural),
      )
    this.#all = [...this.builtIn, ...custom]
    this.#byPath = byPath(this.#all)
    this.#byObject = new Map(custom.map(kind => [`${apiVersionOf(kind)} ${kind.kind}`, kind]))
    for (const listener of [...this.#listeners]) listener()
  }
}

function byPath(kinds: readonly Kind[]): ReadonlyMap<string, Kind> {
  return new Map(kinds.map(kind => [`${kind.group}/${kind.version}/${kind.plural}`, kind]))
}

/** The group in a definition's name. */
function groupOf(name: string): string {
  return name.slice(name.indexOf('.') + 1)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
