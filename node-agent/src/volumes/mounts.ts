/** The kernel's mounts, by mount(8) and umount(8). The agent lives in the mount namespace dockerd sees. */
import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const DEADLINE_MS = 10_000

/** Mount points at or below `dir`, deepest last mounted first. */
export async function mountsBelow(dir: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  const points = table
    .split('\n')
    .map(line => unescaped(line.split(' ')[4] ?? ''))
    .filter(point => point === dir || point.startsWith(`${dir}/`))
  return points.reverse()
}

/** mountinfo writes blanks as octal. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/**
 * True when another filesystem is mounted at `path`, as a tmpfs is: it has another device number than its parent. Two calls, whatever
 * else is mounted on the machine; a bind of the same filesystem is not seen.
 */
export async function isOwnFilesystem(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path).catch(() => undefined), stat(dirname(path)).catch(() => undefined)])
  return own !== undefined && own.dev !== parent?.dev
}

/** `sizeBytes` left out: half of the memory, as the kernel has it. */
export async function mountTmpfs(
  path: string,
  { mode, group, sizeBytes }: { mode: number; group?: number | undefined; sizeBytes?: number | undefined },
): Promise<void> {
  const options = [
    `mode=${mode.toString(8)}`,
    ...(group === undefined ? [] : [`gid=${group}`]),
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
  ].join(',')
  await run('mount', ['-t', 'tmpfs', '-o', options, 'davit', path], { timeout: DEADLINE_MS })
}

/** Binds what an open file descriptor of this process stands for, whatever its name has become since. */
export async function bindDescriptor(fd: number, target: string): Promise<void> {
  await run('mount', ['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${fd}`, target], { timeout: DEADLINE_MS })
}

/** Takes away every mount at or below `dir`; one in use goes as soon as its last user does. Throws when any is left. */
export async function unmountBelow(dir: string): Promise<void> {
  const points = await mountsBelow(dir)
  if (points.length === 0) return
  // One that went with the one before it is not there any more: what counts is what is left.
  for (const point of points) await run('umount', ['--lazy', '--no-canonicalize', point], { timeout: DEADLINE_MS }).catch(() => {})
  const left = await mountsBelow(dir)
  if (left.length > 0) throw new Error(`Cannot unmount "${left[0]}"`)
}
