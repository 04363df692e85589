/** One line for each of several hosts at work: redrawn in place on a terminal, printed as they change elsewhere. */
import type { Cli } from '../command-line/index.ts'

type Output = Cli['stdout']

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const DRAW_MS = 100
const COLUMNS_MIN = 40

type State = 'working' | 'done' | 'failed'

export class Progress {
  readonly #out: Output
  readonly #lines = new Map<string, { text: string; state: State }>()
  readonly #width: number
  #drawn = 0
  #frame = 0
  #paused = false
  #timer: NodeJS.Timeout | undefined

  constructor(out: Output, names: readonly string[]) {
    this.#out = out
    this.#width = Math.max(...names.map(name => name.length), 0)
    for (const name of names) this.#lines.set(name, { text: 'waiting', state: 'working' })
    if (out.isTTY) this.#timer = setInterval(() => this.#draw(), DRAW_MS).unref()
  }

  /** What a host is at. With `detail` it is shown on a terminal only: shares and seconds that change all the time. */
  update(name: string, text: string, { detail = false } = {}): void {
    const line = this.#lines.get(name)
    if (!line || line.text === text) return
    line.text = text
    if (!this.#out.isTTY && !detail) this.#print(name)
  }

  done(name: string, text: string): void {
    this.#end(name, text, 'done')
  }

  failed(name: string, text: string): void {
    this.#end(name, text, 'failed')
  }

  /** A line of its own, above the others. */
  note(text: string): void {
    this.#clear()
    this.#out.write(`${text}\n`)
    this.#draw()
  }

  /** While somebody is asked something. */
  pause(): void {
    this.#clear()
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#draw()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#draw()
    this.#drawn = 0
  }

  #end(name: string, text: string, state: State): void {
    this.#lines.set(name, { text, state })
    if (!this.#out.isTTY) this.#print(name)
  }

  #print(name: string): void {
    this.#out.write(`${this.#lineOf(name)}\n`)
  }

  #lineOf(name: string): string {
    const { text, state } = this.#lines.get(name) ?? { text: '', state: 'working' as const }
    const mark = { working: this.#out.isTTY ? (FRAMES[this.#frame] ?? '') : '·', done: '✓', failed: '✗' }[state]
    return `${mark} ${name.padEnd(this.#width)}  ${text}`
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out.write(`\x1b[${this.#drawn}A\x1b[J`)
    this.#drawn = 0
  }

  #draw(): void {
    if (!this.#out.isTTY || this.#paused) return
    this.#frame = (this.#frame + 1) % FRAMES.length
    this.#clear()
    const columns = Math.max(COLUMNS_MIN, this.#out.columns ?? 80)
    // A line that wraps could not be drawn over; what failed is told whole, once it is over.
    for (const name of this.#lines.keys()) this.#out.write(`${[...this.#lineOf(name)].slice(0, columns - 1).join('')}\n`)
    this.#drawn = this.#lines.size
  }
}
