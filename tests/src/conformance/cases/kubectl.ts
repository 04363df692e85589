/** What kubectl does without a pod. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { kubectlBinary } from '../../kubectl.ts'
import { KUBECTL_MINOR } from '../api-cluster.ts'
import type { Case } from '../case.ts'
import type { Json, PlaneContext } from '../plane-context.ts'

const PROXY_MS_MAX = 20_000

/** Runs `kubectl proxy` until it says where it serves, and for the time of `use`. */
async function withProxy({ cluster }: PlaneContext, flags: readonly string[], use: (where: string) => Promise<void>): Promise<void> {
  const child = spawn(await kubectlBinary(KUBECTL_MINOR), ['--kubeconfig', cluster.plane.kubeconfig, 'proxy', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const late = setTimeout(() => child.kill('SIGKILL'), PROXY_MS_MAX)
  try {
    const where = await new Promise<string>((resolve, reject) => {
      child.once('exit', code => reject(new Error(`kubectl proxy ended with ${code} before it served`)))
      child.once('error', reject)
      createInterface({ input: child.stdout }).on('line', line => {
        const found = /^Starting to serve on (.+)$/.exec(line)?.[1]
        if (found) resolve(found)
      })
    })
    await use(where)
  } finally {
    clearTimeout(late)
    child.kill('SIGTERM')
  }
}

async function assertServesApi(from: { socketPath: string } | { host: string; port: number }): Promise<void> {
  const body = await new Promise<string>((resolve, reject) => {
    const signal = AbortSignal.timeout(PROXY_MS_MAX)
    request({ ...from, path: '/api/', signal }, response => text(response).then(resolve, reject))
      .once('error', reject)
      .end()
  })
  assert.deepEqual((JSON.parse(body) as Json).versions, ['v1'])
}

const deployment = (image: string) =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
    },
  })

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'kubectl api-versions lists v1',
    withKubectl: true,
    run: async ({ cluster }) => {
      const { stdout } = await cluster.kubectl(['api-versions'])
      assert.ok(stdout.split('\n').includes('v1'), stdout)
    },
  },
  {
    row: 'kubectl version prints client and server versions',
    withKubectl: true,
    run: async ({ cluster }) => {
      const { stdout } = await cluster.kubectl(['version'])
      assert.match(stdout, /^Client Version: v1\.\d+\.\d+/m)
      assert.match(stdout, /^Server Version: v1\.\d+\.\d+/m)
    },
  },
  {
    row: 'kubectl cluster-info reports the control plane',
    withKubectl: true,
    run: async ({ cluster }) => {
      const { stdout } = await cluster.kubectl(['cluster-info'])
      // It paints its words.
      const plain = stdout.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
      assert.match(plain, new RegExp(`^Kubernetes control plane is running at https://127\\.0\\.0\\.1:${cluster.plane.port}$`, 'm'))
    },
  },
  {
    row: 'kubectl diff reports an image change on a Deployment',
    withKubectl: true,
    run: async ({ cluster, namespace }) => {
      await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { input: deployment('busybox:1.35') })
      const diff = async (image: string) => {
        const { code, stdout } = await cluster.kubectl(['diff', '-n', namespace, '-f', '-'], {
          input: deployment(image),
          allowFailure: true,
        })
        return {
          code,
          changes: stdout
            .split('\n')
            .filter(line => /^[-+] .*image:/.test(line))
            .map(line => line.replace(/\s+/g, ' ')),
        }
      }
      assert.deepEqual(await diff('busybox:1.35'), { code: 0, changes: [] })
      assert.deepEqual(await diff('busybox:1.36'), { code: 1, changes: ['- - image: busybox:1.35', '+ - image: busybox:1.36'] })
    },
  },
  {
    row: 'kubectl proxy on port 0 serves /api',
    withKubectl: true,
    run: context =>
      withProxy(context, ['--port=0', '--disable-filter'], where => {
        const [host = '', port] = where.split(':')
        return assertServesApi({ host, port: Number(port) })
      }),
  },
  {
    row: 'kubectl proxy serves /api over a unix socket',
    withKubectl: true,
    run: async context => {
      const dir = await mkdtemp(join(tmpdir(), 'davit-proxy-'))
      const socketPath = join(dir, 'socket')
      try {
        await withProxy(context, [`--unix-socket=${socketPath}`], () => assertServesApi({ socketPath }))
      } finally {
        await rm(dir, { recursive: true, force: true })
      }
    },
  },
]
