/** Which images this machine can run, and what is remembered of those it cannot. */
import { readdir } from 'node:fs/promises'
import { type Clock, canonicalImageName } from '@davit/api'
import type { EngineInfo, ImageInfo } from '../docker/index.ts'

/** What a processor runs besides its own. */
const ALSO: Readonly<Record<string, readonly string[]>> = { amd64: ['386'], arm64: ['arm'] }
/** Programs of binfmt_misc that run others' code, by the name under which they are registered. */
const EMULATORS: Readonly<Record<string, string>> = {
  'qemu-aarch64': 'arm64',
  'qemu-arm': 'arm',
  'qemu-x86_64': 'amd64',
  'qemu-i386': '386',
  'qemu-ppc64le': 'ppc64le',
  'qemu-s390x': 's390x',
  'qemu-riscv64': 'riscv64',
  rosetta: 'amd64',
}
const NAMES_MAX = 50
/** The registry may have another image under that name by then: one pod may try it. */
const FORGET_MS = 3_600_000

type Engine = Pick<EngineInfo, 'operatingSystem' | 'architecture'>
type Made = Pick<ImageInfo, 'os' | 'architecture'>

/** True also for an image that does not say what it is for. */
export function runsOn({ os, architecture }: Made, engine: Engine, emulated: readonly string[] = []): boolean {
  if (os !== '' && os !== engine.operatingSystem) return false
  return architecture === '' || [engine.architecture, ...(ALSO[engine.architecture] ?? []), ...emulated].includes(architecture)
}

/** Such as `linux/arm64`. */
export function platformOf({ os, architecture }: Made): string {
  return `${os || 'linux'}/${architecture}`
}

/** Architectures that this kernel runs through an emulator. */
export async function emulatedArchitectures(): Promise<string[]> {
  const names = await readdir('/proc/sys/fs/binfmt_misc').catch(() => [])
  return names.flatMap(name => EMULATORS[name] ?? [])
}

/** Names of images that were found not to run here, at most fifty, each for an hour. */
export class Unsuitable {
  readonly #clock: Clock
  readonly #since = new Map<string, number>()
  readonly #onChange: () => void

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock
    this.#onChange = onChange
  }

  get names(): string[] {
    const now = this.#clock.monotonic()
    for (const [name, since] of this.#since) if (now - since >= FORGET_MS) this.#since.delete(name)
    return [...this.#since.keys()]
  }

  add(image: string): void {
    const name = canonicalImageName(image)
    // An image's id is known on one machine only.
    if (name.startsWith('sha256:')) return
    const isNew = !this.#since.delete(name)
    this.#since.set(name, this.#clock.monotonic())
    const [oldest] = this.#since.keys()
    if (this.#since.size > NAMES_MAX && oldest !== undefined) this.#since.delete(oldest)
    if (isNew) this.#onChange()
  }

  remove(image: string): void {
    if (this.#since.delete(canonicalImageName(image))) this.#onChange()
  }
}
