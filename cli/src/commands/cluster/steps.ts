import type { Cli } from '../../command-line/index.ts'

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Shows what a long command does: on a terminal one live line for the step under way, elsewhere a line for each that is done. */
export class Steps {
  readonly #cli: Pick<Cli, 'stdout' | 'clock'>
  #current: { text: string; since: number } | undefined
  #timer: NodeJS.Timeout | undefined
  #frame = 0

  constructor(cli: Pick<Cli, 'stdout' | 'clock'>) {
    this.#cli = cli
  }

  /** Ends the step before, and begins this one. */
  begin(text: string): void {
    this.done()
    this.#current = { text, since: this.#cli.clock.monotonic() }
    if (!this.#cli.stdout.isTTY) return
    this.#draw()
    this.#timer = setInterval(() => this.#draw(), 100)
  }

  /** Changes what the step under way says; on a terminal only. */
  update(text: string): void {
    if (this.#current) this.#current.text = text
  }

  /** The step went well. */
  done(): void {
    this.#end('✓')
  }

  /** The step failed; the error itself is the caller's to show. */
  failed(): void {
    this.#end('✗')
  }

  #end(mark: string): void {
    clearInterval(this.#timer)
    if (!this.#current) return
    const { text, since } = this.#current
    this.#current = undefined
    const seconds = ((this.#cli.clock.monotonic() - since) / 1000).toFixed(1)
    const line = `${mark} ${text.padEnd(60)} ${seconds.padStart(5)} s\n`
    this.#cli.stdout.write(this.#cli.stdout.isTTY ? `\r\x1b[2K${line}` : line)
  }

  #draw(): void {
    if (!this.#current) return
    this.#frame = (this.#frame + 1) % FRAMES.length
    this.#cli.stdout.write(`\r\x1b[2K${FRAMES[this.#frame]} ${this.#current.text}`)
  }
}
