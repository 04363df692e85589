/**
 * Volumes that are the files of an image: unpacked once a node from a container that is made and never started, and shared by all pods
 * that name the image. Who uses it is said by a file in each pod's own directory, so that no crash can miscount.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ask, type Docker, isDockerCode } from '../docker/index.ts'
import { inTurn } from './in-turn.ts'
import { ignoreMissing, namesIn } from './missing.ts'
import { onPath, type Prepared, type VolumeRequest } from './source.ts'

const USED = 'image-volumes'
const LABEL = 'davit.dev/image-volume'
const CALL_MS = 60_000
const UNPACK_MS = 600_000
/** What Docker adds to every container's files, for its own mounts. */
const STUBS = ['.dockerenv', 'dev/console', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf']
const STUB_LINKS = ['etc/mtab']
const STUB_DIRS = ['dev/pts', 'dev/shm', 'dev', 'etc', 'proc', 'sys']

export interface ImageVolumes {
  prepare(request: VolumeRequest): Promise<Prepared>
  /** The pod needs its image volumes no more; files that no pod of this node needs go. */
  release(podDir: string): Promise<void>
  /** Takes away what a crash left: half an unpacking, files nobody uses. */
  sweep(): Promise<void>
}

export function createImageVolumes({
  dataDir,
  docker,
}: {
  dataDir: string
  docker: Pick<Docker, 'raw' | 'clusterId'> | undefined
}): ImageVolumes {
  const dir = imageVolumesDir(dataDir)
  // One at a time, since what one pod lets go of another may just be taking up.
  const turns = inTurn()

  const collect = async () => {
    const present = await namesIn(dir)
    if (present.length === 0) return
    const used = await imagesInUse(join(dataDir, 'pods'))
    for (const name of present) if (!used.has(name)) await rm(join(dir, name), { recursive: true, force: true })
  }

  return {
    async prepare({ volume, pod, place }) {
      const { reference = '', pullPolicy } = volume.image ?? {}
      if (reference === '') throw new Error('image volume without a reference')
      if (!docker || !place.image) throw new Error('Docker is not at hand')
      const id = await place.image(volume.name, { reference, ...(pullPolicy && { pullPolicy }) })
      const name = id.replace(':', '-')
      return turns(dir, async () => {
        const mark = join(place.dir, USED, volume.name)
        await mkdir(dirname(mark), { recursive: true, mode: 0o700 })
        await writeFile(mark, name)
        const target = join(dir, name)
        if (!(await lstat(target).catch(() => undefined))) await unpack(docker, { id, target, label: pod.metadata.uid ?? '' })
        return onPath(target, { readOnly: true })
      })
    },
    async release(podDir) {
      const marks = join(podDir, USED)
      // Most pods have none, and need not wait for the unpacking of another's.
      if (!(await lstat(marks).catch(ignoreMissing))) return
      await turns(dir, async () => {
        await rm(marks, { recursive: true, force: true })
        await collect()
      })
    },
    sweep: () =>
      turns(dir, async () => {
        await collect()
        for (const id of docker ? await leftContainers(docker) : []) await removeContainer(docker, id)
      }),
  }
}

export function imageVolumesDir(dataDir: string): string {
  return join(dataDir, 'image-volumes')
}

async function imagesInUse(podsDir: string): Promise<Set<string>> {
  const used = new Set<string>()
  for (const uid of await namesIn(podsDir)) {
    const marks = join(podsDir, uid, USED)
    for (const volume of await namesIn(marks)) used.add((await readFile(join(marks, volume), 'utf8').catch(ignoreMissing)) ?? '')
  }
  return used
}

/** Into a directory of another name, which gets its own when it is whole and on the disk. */
async function unpack(
  docker: Pick<Docker, 'raw' | 'clusterId'>,
  { id, target, label }: { id: string; target: string; label: string },
): Promise<void> {
  const fresh = `${target}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o755 })
  const { raw, clusterId } = docker
  const made = await ask('create container', CALL_MS, () =>
    // An image may have no command at all; this one is never run.
    raw.createContainer({ Image: id, Entrypoint: ['/never-started'], Cmd: [], Labels: { [LABEL]: clusterId, 'davit.dev/for-pod': label } }),
  )
  try {
    const archive = await ask('export container', UNPACK_MS, () => raw.getContainer(made.id).export())
    await extract(archive, fresh)
  } finally {
    await removeContainer(docker, made.id)
  }
  await removeStubs(fresh)
  await runToEnd('sync', ['-f', fresh])
  await rename(fresh, target)
}

async function extract(archive: NodeJS.ReadableStream, dir: string): Promise<void> {
  const tar = spawn('tar', ['-x', '-p', '--numeric-owner', '-C', dir], { stdio: ['pipe', 'ignore', 'pipe'] })
  const said: Buffer[] = []
  tar.stderr.on('data', (chunk: Buffer) => said.push(chunk))
  const ended = once(tar, 'close')
  // Waited for below; until then it may fail, as where there is no tar.
  ended.catch(() => {})
  const timer = setTimeout(() => tar.kill('SIGKILL'), UNPACK_MS)
  try {
    await pipeline(archive, tar.stdin).catch((err: NodeJS.ErrnoException) => {
      // A tar that has failed says why itself.
      if (err.code !== 'EPIPE') throw err
    })
    const [code] = (await ended) as [number | null]
    if (code !== 0)
      throw new Error(
        `Cannot unpack the image: tar exited with ${code ?? 'a signal'}: ${Buffer.concat(said).toString().trim().slice(0, 500)}`,
      )
  } finally {
    clearTimeout(timer)
    tar.kill('SIGKILL')
  }
}

async function removeStubs(dir: string): Promise<void> {
  for (const path of STUBS) {
    const found = await lstat(join(dir, path)).catch(() => undefined)
    if (found?.isFile() && found.size === 0) await rm(join(dir, path))
  }
  for (const path of STUB_LINKS) if ((await lstat(join(dir, path)).catch(() => undefined))?.isSymbolicLink()) await rm(join(dir, path))
  // Only when empty: what the image itself has stays.
  for (const path of STUB_DIRS) await rmdir(join(dir, path)).catch(() => {})
}

async function runToEnd(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'ignore', timeout: CALL_MS })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command} exited with ${code ?? 'a signal'}`)
}

async function leftContainers({ raw, clusterId }: Pick<Docker, 'raw' | 'clusterId'>): Promise<string[]> {
  const filters = JSON.stringify({ label: [`${LABEL}=${clusterId}`] })
  const listed = await ask('list containers', CALL_MS, () => raw.listContainers({ all: true, filters }))
  return listed.map(({ Id }) => Id)
}

async function removeContainer(docker: Pick<Docker, 'raw'> | undefined, id: string): Promise<void> {
  try {
    await ask('remove container', CALL_MS, async () => docker?.raw.getContainer(id).remove({ force: true, v: true }))
  } catch (err) {
    if (!isDockerCode(err, 404) && !isDockerCode(err, 409)) throw err
  }
}
