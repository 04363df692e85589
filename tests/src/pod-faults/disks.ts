/** Two small disks of the node under test, in memory: one with Docker's data, one with the agent's. */
import { mkdir, mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '@davit/deploy'

/** Holds the tests' images and what one pod may log. */
const DOCKER_SIZE = '700m'
const AGENT_SIZE = '48m'
const PREFIX = `davit-test${process.env.DAVIT_TEST_SLOT ?? 201}-disks-`

export class Disks {
  readonly #dir: string

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async create(): Promise<Disks> {
    // A run that was killed leaves its own behind.
    for (const name of await readdir(tmpdir())) if (name.startsWith(PREFIX)) await new Disks(join(tmpdir(), name)).remove()
    const disks = new Disks(await mkdtemp(join(tmpdir(), PREFIX)))
    for (const [path, size] of [
      [disks.docker, DOCKER_SIZE],
      [disks.agent, AGENT_SIZE],
    ] as const) {
      await mkdir(path)
      await command('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'davit-test', path])
    }
    return disks
  }

  get docker(): string {
    return join(this.#dir, 'docker')
  }

  get agent(): string {
    return join(this.#dir, 'agent')
  }

  /** Leaves no byte on a disk; gives what makes room again. */
  async fill(disk: string): Promise<() => Promise<void>> {
    const filler = join(disk, 'filler')
    await command('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { allowFailure: true })
    await command('dd', ['if=/dev/zero', 'bs=4k', 'oflag=append', 'conv=notrunc', `of=${filler}`], { allowFailure: true })
    return () => rm(filler, { force: true })
  }

  async usedBytes(disk: string): Promise<number> {
    const { blocks, bfree, bsize } = await statfs(disk)
    return (blocks - bfree) * bsize
  }

  /** Everything that is mounted below the disks. */
  async unmountAll(): Promise<void> {
    const points = await this.#mounts()
    for (const point of points.filter(each => each !== this.docker && each !== this.agent)) await command('umount', ['-l', point])
  }

  async remove(): Promise<void> {
    for (const point of await this.#mounts()) await command('umount', ['-l', point])
    await rm(this.#dir, { recursive: true, force: true })
  }

  /** Innermost first. */
  async #mounts(): Promise<string[]> {
    const points = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map(line => line.split(' ')[1] ?? '')
    return points.filter(point => point.startsWith(`${this.#dir}/`)).reverse()
  }
}
