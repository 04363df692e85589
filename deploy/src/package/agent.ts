/** The agent as one executable: Node with the bundled program inside it. */
import { chmod, copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../command.ts'
import { bundle } from './bundle.ts'
import { nodeBinary } from './node-binary.ts'
import { ARCHS, type Arch, type PackageOptions } from './options.ts'
import { stripElf } from './strip-elf.ts'

/** A small nursery (megabytes) and a heap that grows slowly: together they save a third of the agent's own memory. */
const NODE_FLAGS = ['--max-semi-space-size=2', '--optimize-for-size']
/** Parts of dockerode for `docker build` and for Docker over SSH; a fifth of the agent's memory. */
const UNUSED = ['@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs', 'ssh2', 'tar-fs', '@balena/dockerignore']
/** Node finds the program by these. */
const RESOURCE = 'NODE_SEA_BLOB'
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
const STEP_MS_MAX = 120_000

export const agentFile = (arch: Arch): string => `node-agent-linux-${arch}`

/** Makes `node-agent-linux-ARCH` in `out` for each processor; gives the paths of what went in. */
export async function packageAgents({ version, archs, out }: PackageOptions & { readonly out: string }): Promise<string[]> {
  const hostArch = ARCHS.find(arch => arch === process.arch)
  if (process.platform !== 'linux' || !hostArch)
    throw new Error(
      `Cannot package the agent on ${process.platform} ${process.arch}: want Linux on ${ARCHS.join(' or ')}. Use --only cli,control-plane`,
    )
  const work = await mkdtemp(join(tmpdir(), 'davit-agent-'))
  try {
    const program = join(work, 'node-agent.cjs')
    const inputs = await bundle({
      entry: 'node-agent/dist/main.js',
      outfile: program,
      format: 'cjs',
      target: 'node22',
      version,
      unused: UNUSED,
      external: ['bufferutil', 'utf-8-validate'],
    })
    for (const arch of archs) {
      const file = join(work, agentFile(arch))
      await makeExecutable({ file, program, arch, hostArch, work })
      if (arch === hostArch) await check(file, version)
      // Its place may be a running agent's.
      await copyFile(file, join(out, `${agentFile(arch)}.new`))
      await rename(join(out, `${agentFile(arch)}.new`), join(out, agentFile(arch)))
    }
    return inputs
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

interface Parts {
  readonly file: string
  readonly program: string
  readonly arch: Arch
  readonly hostArch: Arch
  readonly work: string
}

async function makeExecutable({ file, program, arch, hostArch, work }: Parts): Promise<void> {
  const blob = join(work, `${arch}.blob`)
  const config = {
    main: program,
    output: blob,
    disableExperimentalSEAWarning: true,
    // Compiled code is good for one processor only.
    useCodeCache: arch === hostArch,
    execArgv: NODE_FLAGS,
  }
  await writeFile(`${blob}.json`, JSON.stringify(config))
  // The blob's form is that of one version of Node, so the very same one makes it.
  const { executable: host } = await nodeBinary(hostArch)
  await command(host, [...NODE_FLAGS, '--experimental-sea-config', `${blob}.json`], { timeoutMs: STEP_MS_MAX })
  const { executable } = await nodeBinary(arch)
  await writeFile(file, stripElf(await readFile(executable)))
  const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js')
  await command(process.execPath, [postject, file, RESOURCE, blob, '--sentinel-fuse', FUSE], { timeoutMs: STEP_MS_MAX })
  if (!(await readFile(file)).includes(`${FUSE}:1`)) throw new Error(`Cannot make ${agentFile(arch)}: the program is not switched on in it`)
  await chmod(file, 0o755)
}

async function check(file: string, version: string): Promise<void> {
  const { stdout } = await command(file, ['--version'], { timeoutMs: STEP_MS_MAX })
  if (stdout.trim() !== `davit node-agent ${version}`)
    throw new Error(`Cannot use the agent that was made: it calls itself "${stdout.trim()}", wanted "davit node-agent ${version}"`)
}
