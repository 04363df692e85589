/** An agent under a supervisor, as a test drives it: what it shall fail at, and its death. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export type Environment = Readonly<Record<string, string>>

export interface AgentStart {
  pid: number
  env: Environment
}

const SUPERVISE = fileURLToPath(new URL('supervise.js', import.meta.url))
const AGENT = fileURLToPath(new URL('../../../node-agent/dist/main.js', import.meta.url))
const POLL_MS = 25

export class SupervisedAgent {
  readonly #dir: string

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async create(): Promise<SupervisedAgent> {
    return new SupervisedAgent(await mkdtemp(join(tmpdir(), 'davit-supervised-')))
  }

  /** What to start as the agent. */
  get program(): readonly string[] {
    return [process.execPath, SUPERVISE, this.#dir, process.execPath, '--max-semi-space-size=2', AGENT]
  }

  /** All starts so far, the present agent's last. */
  async starts(): Promise<AgentStart[]> {
    const text = await readFile(join(this.#dir, 'starts'), 'utf8').catch(() => '')
    return text.split('\n').flatMap(line => (line ? [JSON.parse(line) as AgentStart] : []))
  }

  async pid(): Promise<number> {
    return (await this.starts()).at(-1)?.pid ?? 0
  }

  /** SIGKILL; the supervisor starts it again. */
  async kill(): Promise<void> {
    process.kill(await this.pid(), 'SIGKILL')
  }

  /** Kills the agent and lets each start from now on die at one of `failpoints`, in their order. */
  async arm(failpoints: readonly string[]): Promise<void> {
    await this.#write(
      'queue.json',
      failpoints.map(name => ({ DAVIT_FAILPOINTS: `${name}=kill` })),
    )
    const before = await this.starts()
    await this.kill()
    while ((await this.starts()).length === before.length) await delay(POLL_MS)
  }

  /** Restarts the agent with `env` besides its own, until told otherwise. */
  async restartWith(env: Environment): Promise<void> {
    await this.#write('env.json', env)
    await this.arm([])
  }

  /** Settles once the agent that was armed with `failpoint` has died and the next has started; throws after `timeoutMs`. */
  async untilDeadAt(failpoint: string, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    while ((await this.starts()).at(-1)?.env.DAVIT_FAILPOINTS === `${failpoint}=kill`) {
      if (performance.now() > end) throw new Error(`The agent did not come to ${failpoint} within ${timeoutMs / 1000} s`)
      await delay(POLL_MS)
    }
  }

  async remove(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true })
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeFile(join(this.#dir, `${name}.test`), JSON.stringify(value))
    await rename(join(this.#dir, `${name}.test`), join(this.#dir, name))
  }
}
