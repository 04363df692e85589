/** A member's data directory from a snapshot, by etcd's own tool. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ArchiveError } from '../archive-error.ts'

export interface RestoreEtcdOptions {
  readonly snapshot: string
  /** Absent or without data; its parent need not be there. */
  readonly dataDir: string
  /** This member's name. */
  readonly name: string
  /** `name=https://address:port`, of all members, with commas. */
  readonly initialCluster: string
  readonly peerUrl: string
  /** Programs to try; by default `etcdutl` and `etcdctl` from PATH. */
  readonly tools?: readonly string[]
}

export interface RestoredEtcd {
  /**
   * How much the revision was raised, so that no client has seen a later one. 0 with tools older than etcd 3.6 or late 3.5: then
   * clients that were not restarted may hold versions that come again with another meaning.
   */
  readonly bumped: number
}

const run = promisify(execFile)
const RESTORE_MS_MAX = 15 * 60_000
/** More than any cluster writes between a backup and its loss. */
const BUMP = 1_000_000_000
const OUTPUT_LENGTH_MAX = 600

/** Leaves `dataDir` as it was when it fails. Throws ArchiveError. */
export async function restoreEtcd(options: RestoreEtcdOptions): Promise<RestoredEtcd> {
  const { snapshot, name, initialCluster, peerUrl, tools = ['etcdutl', 'etcdctl'] } = options
  const dataDir = resolve(options.dataDir)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if ((await readdir(dataDir)).includes('member'))
    throw new ArchiveError(`Cannot restore etcd into "${dataDir}": it holds data already; move it away if it is no longer wanted`)
  const { tool, canBump } = await findTool(tools)
  // Inside, since the directory may be a mount of its own; its own name is taken by the tool.
  const parent = await mkdtemp(join(dataDir, '.restore-'))
  try {
    const staging = join(parent, 'data')
    const args = ['snapshot', 'restore', snapshot, '--data-dir', staging, '--name', name]
    args.push('--initial-cluster', initialCluster, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster-token', 'davit-restored')
    if (canBump) args.push('--bump-revision', String(BUMP), '--mark-compacted')
    await call(tool, args)
    await rename(join(staging, 'member'), join(dataDir, 'member'))
    await chmod(dataDir, 0o700)
    return { bumped: canBump ? BUMP : 0 }
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

async function findTool(tools: readonly string[]): Promise<{ tool: string; canBump: boolean }> {
  for (const tool of tools) {
    const help = await call(tool, ['snapshot', 'restore', '--help']).catch((error: ArchiveError) => {
      if ((error.cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    })
    if (help !== undefined) return { tool, canBump: help.includes('--bump-revision') && help.includes('--mark-compacted') }
  }
  throw new ArchiveError(
    `Cannot restore etcd: found none of ${tools.join(', ')} in PATH; install etcd's tools (package etcd-client, or from https://github.com/etcd-io/etcd/releases)`,
  )
}

async function call(tool: string, args: readonly string[]): Promise<string> {
  try {
    // 3.4's etcdctl speaks the old protocol until it is told otherwise.
    const env = { ...process.env, ETCDCTL_API: '3' }
    const { stdout, stderr } = await run(tool, args, { timeout: RESTORE_MS_MAX, maxBuffer: 16 * 1024 * 1024, env })
    return stdout + stderr
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string }
    const why = (stderr.trim() || message).slice(-OUTPUT_LENGTH_MAX)
    throw new ArchiveError(`Cannot restore etcd: ${tool} ${args.slice(0, 2).join(' ')} failed: ${why}`, { cause })
  }
}
