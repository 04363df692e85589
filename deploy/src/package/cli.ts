import { createReadStream, createWriteStream } from 'node:fs'
import { access, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import { command } from '../command.ts'
import { agentFile } from './agent.ts'
import { bundle, ROOT } from './bundle.ts'
import { AGENT_NOTICES, NOTICES, writeNotices } from './notices.ts'
import type { Arch, PackageOptions } from './options.ts'

/** The package.json that is published, from the workspace's own: what is bundled is no dependency any more. */
export function publishedManifest(own: Readonly<Record<string, unknown>>, { version, engines }: { version: string; engines: unknown }) {
  const { name, description, license } = own
  return {
    name,
    version,
    description: `${description}: operates Davit clusters`,
    license,
    type: 'module',
    bin: { davit: './bin/davit.js' },
    engines,
    files: ['bin', 'dist', 'agents', NOTICES],
  }
}

/** Makes `davit-VERSION.tgz` in `out`, with the agents of `out` in it; gives its name. */
export async function packageCli({ version, archs, out }: PackageOptions & { readonly out: string }): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'davit-cli-'))
  try {
    const dir = join(work, 'package')
    for (const folder of ['bin', 'agents']) await mkdir(join(dir, folder), { recursive: true })
    const inputs = await bundle({
      entry: 'cli/dist/main.js',
      outfile: join(dir, 'dist/main.js'),
      format: 'esm',
      target: 'node20',
      version,
      // Faster ciphers of ssh2 and ws, where someone has compiled them.
      external: ['*.node', 'cpu-features', 'bufferutil', 'utf-8-validate'],
    })
    await writeNotices(inputs, join(dir, NOTICES))
    const { engines } = await readJson(join(ROOT, 'package.json'))
    const manifest = publishedManifest(await readJson(join(ROOT, 'cli/package.json')), { version, engines })
    await writeFile(join(dir, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    await copyFile(join(ROOT, 'cli/bin/davit.js'), join(dir, 'bin/davit.js'))
    for (const file of ['README.md', 'LICENSE']) await copyFile(join(ROOT, file), join(dir, file))
    for (const arch of archs) await packAgent(arch, { out, dir })
    await copyFile(join(out, AGENT_NOTICES), join(dir, 'agents', NOTICES))
    await command('npm', ['pack', dir, '--silent', '--pack-destination', work], { timeoutMs: 120_000 })
    const name = `davit-${version}.tgz`
    await copyFile(join(work, name), join(out, name))
    return name
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function packAgent(arch: Arch, { out, dir }: { out: string; dir: string }): Promise<void> {
  const from = join(out, agentFile(arch))
  await access(from).catch(() => {
    throw new Error(`Cannot put the ${arch} agent into the command line's package: there is no ${from}. Make it too: --only agent,cli`)
  })
  const gzip = createGzip({ level: constants.Z_BEST_COMPRESSION })
  await pipeline(createReadStream(from), gzip, createWriteStream(join(dir, 'agents', `${agentFile(arch)}.gz`)))
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
}
