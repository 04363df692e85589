/**
 * Stand-ins for the public images that Davit itself is built from and runs beside, under their real names and with the same programs at the
 * same paths, made of this system's own: there may be no registry here.
 */
import { copyFile, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { command, type ImageConfig, makeBusyboxRoot, makeHelloImage, makeImageArchive } from '@davit/deploy'
import { addLibraries, makeNginxImages, makeShellImages, unpackInto } from '../images.ts'
import type { Machine } from './machine.ts'
import { scratch } from './scratch.ts'

interface Recipe {
  config: ImageConfig
  /** Whether it has busybox and its commands. */
  shell: boolean
  /** Adds the rest to the image's folder. */
  fill(root: string): Promise<void>
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const RECIPES: Readonly<Record<string, Recipe>> = {
  'node:22-alpine': {
    config: { Cmd: ['node'], Env: [PATH] },
    shell: true,
    async fill(root) {
      await addProgram(root, process.execPath, '/usr/local/bin/node')
      await addUser(root, 'node', 1000)
    },
  },
  'debian:bookworm-slim': {
    config: { Cmd: ['sh'], Env: [PATH] },
    shell: true,
    async fill(root) {
      // A shell that runs the programs in the folders of PATH, where busybox' prefers its own.
      await rm(join(root, 'bin/sh'))
      await addProgram(root, '/usr/bin/dash', '/bin/sh')
      // The C++ library is in every Debian; the programs are what agents install on top.
      await addProgram(root, process.execPath, '/tmp/node')
      await rm(join(root, 'tmp/node'))
      for (const program of ['ip', 'bridge', 'ss', 'tc', 'nsenter', 'unshare', 'mount', 'umount', 'conntrack', 'setsid'])
        await addProgram(root, (await command('sh', ['-c', `command -v ${program}`])).stdout.trim())
      for (const name of ['iptables', 'ip6tables'].flatMap(name => [name, `${name}-save`, `${name}-restore`])) {
        await addProgram(root, await realpath(`/usr/sbin/${name}`), '/usr/sbin/xtables-nft-multi')
        await symlink('xtables-nft-multi', join(root, 'usr/sbin', name))
      }
      const plugins = `/usr/lib/${(await command('uname', ['-m'])).stdout.trim()}-linux-gnu/xtables`
      await cp(plugins, join(root, plugins), { recursive: true })
    },
  },
  // As the real one: no shell in it.
  'quay.io/coreos/etcd:v3.5.21': {
    config: { Cmd: ['/usr/local/bin/etcd'], Env: [PATH], ExposedPorts: { '2379/tcp': {}, '2380/tcp': {} } },
    shell: false,
    async fill(root) {
      for (const program of ['etcd', 'etcdctl']) await addProgram(root, `/usr/bin/${program}`, `/usr/local/bin/${program}`)
      for (const dir of ['tmp', 'var/etcd', 'var/lib/etcd']) await mkdir(join(root, dir), { recursive: true })
    },
  },
  'haproxy:3.0-alpine': {
    config: {
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['haproxy', '-f', '/usr/local/etc/haproxy/haproxy.cfg'],
      Env: [PATH],
      User: 'haproxy',
      WorkingDir: '/var/lib/haproxy',
      StopSignal: 'SIGUSR1',
    },
    shell: true,
    async fill(root) {
      await unpackInto(root, ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'])
      await addLibraries(root, 'usr/sbin/haproxy')
      for (const dir of ['usr/local/sbin', 'usr/local/bin', 'usr/local/etc/haproxy', 'var/lib/haproxy'])
        await mkdir(join(root, dir), { recursive: true })
      await symlink('/usr/sbin/haproxy', join(root, 'usr/local/sbin/haproxy'))
      const script = '#!/bin/sh\n[ "$1" != haproxy ] || { shift; set -- haproxy -W -db "$@"; }\nexec "$@"\n'
      await writeFile(join(root, 'usr/local/bin/docker-entrypoint.sh'), script, { mode: 0o755 })
      await addUser(root, 'haproxy', 99)
    },
  },
}

/** Copies a program of this system, with the libraries it needs, into the image's folder. */
async function addProgram(root: string, from: string, to: string = from): Promise<void> {
  await mkdir(join(root, dirname(to)), { recursive: true })
  await copyFile(from, join(root, to))
  await addLibraries(root, to)
}

async function addUser(root: string, name: string, id: number): Promise<void> {
  await writeFile(join(root, 'etc/passwd'), `root:x:0:0:root:/root:/bin/sh\n${name}:x:${id}:${id}::/home/${name}:/bin/sh\n`)
  await writeFile(join(root, 'etc/group'), `root:x:0:\n${name}:x:${id}:\n`)
}

/** Loads stand-ins for the images called `names` into the machine's Docker. */
export async function loadImages(machine: Machine, names: readonly string[]): Promise<void> {
  for (const name of names) await machine.docker(['load', '-q', '-i', await imageArchive(name)], { timeoutMs: 180_000 })
}

const SHELL_IMAGES: readonly string[] = ['busybox:1.36', 'slow:1']
/** One call makes them all, and it must not run twice at once. */
let shellArchives: Promise<string[]> | undefined
const archives = new Map<string, Promise<string>>()

/** The archive of the stand-in called `name`, made at the first call in this process. */
export function imageArchive(name: string): Promise<string> {
  const archive = archives.get(name) ?? makeArchive(name)
  archives.set(name, archive)
  return archive
}

async function makeArchive(name: string): Promise<string> {
  const dir = await scratch()
  const recipe = RECIPES[name]
  if (recipe) return makeFromRecipe(name, recipe, dir)
  if (name === 'davit-hello:1') return makeHelloImage(dir)
  let made: string[] = []
  if (name.startsWith('nginx:')) made = await makeNginxImages([name], dir)
  if (SHELL_IMAGES.includes(name)) {
    shellArchives ??= makeShellImages(dir)
    made = await shellArchives
  }
  const archive = made.find(file => basename(file) === `${name.replaceAll(/[/:]/g, '_')}.tar`)
  if (archive) return archive
  const known = ['nginx:*', 'davit-hello:1', ...SHELL_IMAGES, ...Object.keys(RECIPES)]
  throw new Error(`Cannot make an image "${name}": want one of ${known.join(', ')}`)
}

async function makeFromRecipe(name: string, { config, shell, fill }: Recipe, dir: string): Promise<string> {
  const root = shell ? await makeBusyboxRoot() : await mkdtemp(join(tmpdir(), 'davit-root-'))
  try {
    await fill(root)
    return await makeImageArchive(root, name, config, dir)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
