/** Makes image archives (as `docker save` writes them) from a folder, without a registry and without Docker. */
import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from './command.ts'

/** The part of an image's configuration that matters here; names are Docker's. */
export interface ImageConfig {
  Cmd?: readonly string[]
  Entrypoint?: readonly string[]
  Env?: readonly string[]
  ExposedPorts?: Readonly<Record<string, object>>
  WorkingDir?: string
  StopSignal?: string
  User?: string
}

/** Packs the folder `root` into an image archive named `tag`; gives the archive's path in `outputDir`. */
export async function makeImageArchive(root: string, tag: string, config: ImageConfig, outputDir: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'davit-image-'))
  try {
    await mkdir(join(work, 'layer'))
    const layer = join(work, 'layer/layer.tar')
    // Same bytes for the same content, so that an image loaded twice is one image.
    await command('tar', ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '-C', root, '-cf', layer, '.'])
    const diffId = createHash('sha256')
      .update(await readFile(layer))
      .digest('hex')
    const description = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'davit' }],
    }
    const text = JSON.stringify(description)
    const configName = `${createHash('sha256').update(text).digest('hex')}.json`
    await writeFile(join(work, configName), text)
    await writeFile(join(work, 'manifest.json'), JSON.stringify([{ Config: configName, RepoTags: [tag], Layers: ['layer/layer.tar'] }]))
    await mkdir(outputDir, { recursive: true })
    const archive = join(outputDir, `${tag.replaceAll(/[/:]/g, '_')}.tar`)
    await command('tar', ['-C', work, '-cf', archive, configName, 'manifest.json', 'layer'])
    return archive
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A folder with a static busybox and a link for each of its commands: enough for a shell image. */
export async function makeBusyboxRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'davit-root-'))
  // It becomes the image's own root, which every user has to pass.
  await chmod(root, 0o755)
  for (const dir of ['bin', 'etc', 'tmp', 'www/cgi-bin']) await mkdir(join(root, dir), { recursive: true })
  await copyFile('/bin/busybox', join(root, 'bin/busybox'))
  const commands = (await command('/bin/busybox', ['--list'])).stdout.split('\n').filter(name => name && name !== 'busybox')
  for (const name of commands) await symlink('busybox', join(root, 'bin', name))
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\n')
  return root
}

/** The demo image `davit-hello:1`: a web server on port 8080 that answers with the name of its pod. Gives the archive's path. */
export async function makeHelloImage(outputDir: string): Promise<string> {
  const root = await makeBusyboxRoot()
  try {
    const source = fileURLToPath(new URL('../images/hello/', import.meta.url))
    for (const [from, to] of [
      ['serve.sh', 'bin/serve'],
      ['index.cgi', 'www/cgi-bin/index.cgi'],
    ] as const) {
      await copyFile(join(source, from), join(root, to))
      await chmod(join(root, to), 0o755)
    }
    return await makeImageArchive(root, 'davit-hello:1', { Cmd: ['/bin/serve'], Env: [PATH], ExposedPorts: { '8080/tcp': {} } }, outputDir)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
