/** Helm as people run it against a test's cluster, and the chart of our own. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '@davit/deploy'
import type { TestCluster } from './cluster.ts'
import { type HelmMajor, helmBinary } from './kubectl.ts'

/** Deployment, Service, claim, access, a kind of its own, hooks and a test; see its values.yaml. */
export const CHART = fileURLToPath(new URL('../charts/greeter', import.meta.url))

export interface HelmOptions {
  /** Default: the administrator's. */
  kubeconfig?: string
  input?: string
}

export interface Helm {
  readonly major: HelmMajor
  /** What it printed; throws when it fails. */
  (args: readonly string[], options?: HelmOptions): Promise<string>
  /** What it printed to standard error when it failed, as it must. */
  fails(args: readonly string[], options?: HelmOptions): Promise<string>
  json<T>(args: readonly string[]): Promise<T>
  /** Each revision's status and description. */
  history(release: string): Promise<{ status: string; description: string }[]>
}

/** Helm of a major version on a cluster that may start later, in a namespace. */
export function helmOn(cluster: () => TestCluster, major: HelmMajor, namespace: string): Helm {
  const run = async (args: readonly string[], { kubeconfig = cluster().home.kubeconfig, input }: HelmOptions, allowFailure: boolean) => {
    const home = join(cluster().home.dir, `helm-${major}`)
    return command(await helmBinary(major), ['--namespace', namespace, ...args], {
      env: { ...process.env, HOME: home, KUBECONFIG: kubeconfig },
      timeoutMs: 120_000,
      allowFailure,
      ...(input !== undefined && { input }),
    })
  }
  const helm = async (args: readonly string[], options: HelmOptions = {}) => (await run(args, options, false)).stdout
  return Object.assign(helm, {
    major,
    async fails(args: readonly string[], options: HelmOptions = {}) {
      const { code, stdout, stderr } = await run(args, options, true)
      assert.notEqual(code, 0, `helm ${args.join(' ')} must fail, and printed ${stdout}`)
      return stderr
    },
    json: async <T>(args: readonly string[]) => JSON.parse(await helm([...args, '--output', 'json'])) as T,
    history: async (release: string) =>
      JSON.parse(await helm(['history', release, '--output', 'json'])) as { status: string; description: string }[],
  })
}

/** The flag that undoes what failed: Helm 4 renamed it. */
export function undoFlag(major: HelmMajor): string {
  return major === 3 ? '--atomic' : '--rollback-on-failure'
}
