/** `npm run package`: makes what is installed on machines, in `out/`. */
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { packageAgents } from './agent.ts'
import { ROOT } from './bundle.ts'
import { writeChecksums } from './checksums.ts'
import { packageCli } from './cli.ts'
import { packageControlPlane } from './control-plane.ts'
import { NODE_VERSION, nodeBinary } from './node-binary.ts'
import { AGENT_NOTICES, NOTICES, writeNotices } from './notices.ts'
import { HELP, type PackageOptions, parsePackageOptions } from './options.ts'

const OUT = join(ROOT, 'out')

async function main({ products, archs, ...options }: PackageOptions): Promise<void> {
  await mkdir(OUT, { recursive: true })
  const to = { ...options, products, archs, out: OUT }
  if (products.includes('agent')) {
    const inputs = await packageAgents(to)
    const { licence } = await nodeBinary(archs[0]!)
    await writeNotices(inputs, join(OUT, AGENT_NOTICES), { [`Node.js ${NODE_VERSION}`]: licence })
  }
  if (products.includes('control-plane')) {
    const inputs = await packageControlPlane(to)
    await writeNotices(inputs, join(OUT, 'control-plane', NOTICES))
  }
  if (products.includes('cli')) {
    // One is there at a time, or nobody knows which was made last.
    for (const old of (await readdir(OUT)).filter(name => /^davit-.*\.tgz$/.test(name))) await rm(join(OUT, old))
    await packageCli(to)
  }
  await copyFile(join(ROOT, 'deploy/docker/.dockerignore'), join(OUT, '.dockerignore'))
  await writeChecksums(OUT)
  for (const name of (await readdir(OUT)).sort()) {
    const { size, isFile } = await stat(join(OUT, name)).then(found => ({ size: found.size, isFile: found.isFile() }))
    if (isFile) console.log(`${(size / 1e6).toFixed(1).padStart(7)} MB  out/${name}`)
  }
}

try {
  const options = parsePackageOptions(process.argv.slice(2))
  if (options === 'help') process.stdout.write(HELP)
  else await main(options)
} catch (err) {
  process.stderr.write(`Error: ${err instanceof Error ? err.message : String(err)}\n`)
  process.exitCode = 1
}
