/** Unmodified kubectl, old and new, through a working day. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { command } from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { kubectlBinary } from './kubectl.ts'

const WATCH_MS_MAX = 30_000

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster?.stop())

for (const version of [29, 33]) {
  describe(`kubectl 1.${version}`, () => {
    const app = `app${version}`
    const kubectl = (args: readonly string[], options: Parameters<TestCluster['kubectl']>[1] = {}) =>
      cluster.kubectl(args, { version, ...options })
    const out = async (...args: string[]) => (await kubectl(args)).stdout
    const yaml = deploymentYaml(app)

    test('apply makes what is new, says what changed, and diff shows what would', async () => {
      assert.match(
        (await kubectl(['apply', '-f', '-'], { input: `${yaml}---\n${serviceYaml(app)}` })).stdout,
        new RegExp(`deployment.apps/${app} created\nservice/${app} created`),
      )
      assert.match((await kubectl(['apply', '-f', '-'], { input: yaml })).stdout, /unchanged/)
      const changed = yaml.replace('replicas: 3', 'replicas: 4')
      const diff = await kubectl(['diff', '-f', '-'], { input: changed, allowFailure: true })
      assert.equal(diff.code, 1)
      assert.match(diff.stdout, /^-\s+replicas: 3\n\+\s+replicas: 4$/m)
      assert.match((await kubectl(['apply', '-f', '-'], { input: changed })).stdout, /configured/)
      await cluster.untilReady(app, 4)
      // The Deployment's own counts follow its pods.
      await out('rollout', 'status', `deployment/${app}`)
    })

    test('get prints tables, wide tables, names and fields', async () => {
      assert.match(await out('get', 'deployment', app), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\n\S+ +4\/4 +4 +4 +\d+s$/m)
      assert.match(
        await out('get', 'pods', '-l', `app=${app}`, '-o', 'wide'),
        /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n(\S+ +1\/1 +Running +0 +\S+ +10\.244\.\d+\.\d+ +node-\d +<none> +<none>\n){4}/,
      )
      assert.match(await out('get', 'nodes'), /^node-1 +Ready +<none> +\S+ +v1\.33/m)
      assert.match(await out('get', 'all'), new RegExp(`^service/${app} +ClusterIP`, 'm'))
      assert.equal(await out('get', 'deploy', app, '-o', 'jsonpath={.spec.replicas}'), '4')
      assert.equal((await out('get', 'pods', '-l', `app=${app}`, '-o', 'name')).trim().split('\n').length, 4)
      assert.match(await out('get', 'pods', '-A', '--field-selector', 'spec.nodeName=node-1'), /NAMESPACE/)
    })

    test('get -w shows changes as they happen', async () => {
      const args = ['--kubeconfig', cluster.home.kubeconfig, 'get', 'deployment', app, '-w']
      const watching = spawn(await kubectlBinary(version), args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: WATCH_MS_MAX })
      let seen = ''
      const shown = new Promise<void>((resolve, reject) => {
        watching.stdout.setEncoding('utf8').on('data', text => {
          seen += text
          if (/ 2\/2 /.test(seen)) resolve()
        })
        watching.once('exit', () => reject(new Error(`kubectl -w showed no 2/2 within ${WATCH_MS_MAX / 1000} s, only:\n${seen}`)))
      })
      try {
        await once(watching.stdout, 'data')
        await out('scale', 'deployment', app, '--replicas=2')
        await shown
      } finally {
        watching.kill()
      }
      await cluster.untilReady(app, 2)
    })

    test('set image, rollout status, history and undo', async () => {
      await out('set', 'image', `deployment/${app}`, 'main=nginx:1.26')
      assert.match(await out('rollout', 'status', `deployment/${app}`, '--timeout=60s'), /successfully rolled out/)
      assert.match(await out('rollout', 'history', `deployment/${app}`), /REVISION +CHANGE-CAUSE\n1 .*\n2 /)
      assert.match(await out('rollout', 'undo', `deployment/${app}`), /rolled back/)
      assert.match(await out('rollout', 'status', `deployment/${app}`, '--timeout=60s'), /successfully rolled out/)
      assert.equal(await out('get', 'deploy', app, '-o', 'jsonpath={.spec.template.spec.containers[0].image}'), 'nginx:1.25')
    })

    test('describe ends with the Events', async () => {
      const [pod] = await cluster.untilReady(app, 2)
      const text = await out('describe', 'pod', pod?.metadata.name ?? '')
      assert.match(text, /^Status: +Running$/m)
      for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started'])
        assert.match(text.slice(text.indexOf('Events:')), new RegExp(`Normal +${reason} `))
      assert.match(await out('describe', 'deployment', app), /ScalingReplicaSet/)
      assert.match(await out('describe', 'node', 'node-1'), /Allocatable:/)
    })

    test('logs, logs -f and exec', async () => {
      const [pod] = await cluster.untilReady(app, 2)
      const name = pod?.metadata.name ?? ''
      assert.equal((await out('exec', name, '--', 'cat', '/etc/hostname')).trim(), name)
      const follow = command(
        'timeout',
        ['5', await kubectlBinary(version), '--kubeconfig', cluster.home.kubeconfig, 'logs', '-f', name, '--tail=0'],
        { allowFailure: true },
      )
      for (let tries = 0; tries < 4; tries++)
        await out('exec', name, '--', 'sh', '-c', `sleep 1; printf 'GET /followed-${tries} HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 80`)
      assert.match((await follow).stdout, /followed-/)
    })

    test('explain and api-resources', async () => {
      assert.match(await out('explain', 'deployment.spec.strategy'), /rollingUpdate/)
      const resources = await out('api-resources')
      for (const line of ['pods +po +v1 +true +Pod', 'deployments +deploy +apps/v1 +true +Deployment'])
        assert.match(resources, new RegExp(`^${line}$`, 'm'))
    })

    test('drain moves the pods, and uncordon takes the node back', async () => {
      const result = await kubectl(['drain', 'node-2', '--ignore-daemonsets', '--timeout=60s', '--force'], { timeoutMs: 90_000 })
      assert.match(result.stdout, /node\/node-2 drained/)
      assert.deepEqual(
        [...cluster.pods.cache.list()]
          .filter(pod => pod.spec.nodeName === 'node-2' && !pod.metadata.deletionTimestamp)
          .map(pod => pod.metadata.name),
        [],
      )
      assert.match(await out('get', 'node', 'node-2'), /Ready,SchedulingDisabled/)
      await out('uncordon', 'node-2')
    })

    test('the manifests people bring apply as they are, run, and go', async () => {
      const dir = fileURLToPath(new URL('../manifests', import.meta.url))
      await kubectl(['create', '-f', '-'], {
        input: 'apiVersion: v1\nkind: Secret\nmetadata: { name: db-config }\nstringData: { url: postgres://db }\n',
      })
      assert.equal((await out('apply', '-f', dir)).trim().split('\n').length, 15)
      for (const [name, count] of [
        ['my-nginx', 3],
        ['my-api', 1],
        ['web-app', 3],
      ] as const)
        await cluster.untilReady(name, count)
      assert.match(await out('rollout', 'status', 'deployment/my-nginx-deployment'), /successfully rolled out/)
      assert.equal((await kubectl(['diff', '-f', dir], { allowFailure: true })).code, 0, 'nothing differs')
      const again = (await out('apply', '-f', dir)).trim().split('\n')
      // kubectl calls a pod with volumes so wherever a volume with the token is added.
      assert.deepEqual(
        again.filter(line => !line.endsWith(' unchanged')),
        ['pod/mysql-pod configured'],
      )
      assert.match(await out('logs', 'nginx-pod', '--tail=1'), /^$|GET/)
      await out('delete', '-f', dir)
      await out('delete', 'secret', 'db-config')
      for (const name of ['my-nginx', 'my-api', 'web-app']) await cluster.untilReady(name, 0)
    })

    test('delete waits until it is gone', async () => {
      await out('delete', 'deployment', app)
      await out('delete', 'service', app)
      assert.equal((await kubectl(['get', 'deployment', app], { allowFailure: true })).code, 1)
      await cluster.untilReady(app, 0)
    })
  })
}
