/** A control plane, and the davit CLI of a person who has machines: what tests of `davit node` begin with. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HttpClient } from '@davit/api'
import {
  type CommandOptions,
  type CommandResult,
  command,
  connectHome,
  type Home,
  homeAt,
  startControlPlane,
  stopControlPlane,
} from '@davit/deploy'
import { GATEWAY, type Machine, testbedKey } from './machines/index.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLI = join(ROOT, 'cli/dist/main.js')
const PACKAGE = join(ROOT, 'deploy/dist/package/main.js')

export interface NodeCluster {
  readonly home: Home
  readonly client: HttpClient
  readonly port: number
  /** Runs the CLI; its home has an SSH configuration with the testbed's key and no known hosts but those it was told to accept. */
  davit(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** Says under which names machines are reached, as in ~/.ssh/config. */
  configure(machines: readonly Machine[]): Promise<void>
  stop(): Promise<void>
}

export async function startNodeCluster({
  port,
  controlPlaneArgs = [],
}: {
  port: number
  controlPlaneArgs?: readonly string[]
}): Promise<NodeCluster> {
  const home = homeAt(await mkdtemp('/var/tmp/davit-test-nodes-'))
  await startControlPlane({ home, port, address: GATEWAY, serverNames: ['127.0.0.1'], extraArgs: controlPlaneArgs })
  const client = await connectHome(home)
  await mkdir(join(home.dir, '.ssh'), { mode: 0o700 })
  return {
    home,
    client,
    port,
    davit: (args, options = {}) =>
      command(process.execPath, [CLI, ...args], {
        timeoutMs: 240_000,
        ...options,
        env: { PATH: process.env.PATH, HOME: home.dir, DAVIT_HOME: home.dir, KUBECONFIG: home.kubeconfig, ...options.env },
      }),
    async configure(machines) {
      const { privateKeyFile } = await testbedKey()
      const hosts = machines.map(({ name, address, user, behind }) =>
        [
          `Host ${name}`,
          `HostName ${address}`,
          `User ${user.name}`,
          ...(behind ? [`ProxyJump ${behind.name}`] : []),
          ...(user.key === false ? ['IdentitiesOnly yes'] : [`IdentityFile ${privateKeyFile}`]),
        ].join('\n  '),
      )
      await writeFile(join(home.dir, '.ssh/config'), `${hosts.join('\n')}\n`)
    },
    async stop() {
      client.close()
      await stopControlPlane(home)
      await rm(home.dir, { recursive: true, force: true })
    },
  }
}

/** The agent as one executable that calls itself `version`, in a file of its own. */
export async function packagedAgent(dir: string, version?: string): Promise<string> {
  const flags = ['--only', 'agent', '--arch', process.arch, ...(version ? ['--version', version] : [])]
  await command(process.execPath, [PACKAGE, ...flags], { timeoutMs: 300_000 })
  const file = join(dir, `node-agent-${version ?? 'own'}`)
  await copyFile(join(ROOT, `out/node-agent-linux-${process.arch}`), file)
  return file
}
