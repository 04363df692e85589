/** Unmodified Helm 3 and 4: a chart is installed, upgraded, rolled back and removed, with hooks and `--wait`. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { podKind } from '@davit/api'
import { startCluster, type TestCluster } from './cluster.ts'
import { CHART, helmOn, undoFlag } from './helm.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster({ nodes: 1 })
})
after(() => cluster?.stop())

// Side by side, for most of the time both only wait.
describe('a chart with hooks', { concurrency: 2 }, () => {
  for (const major of [3, 4] as const) {
    const release = `greeter-${major}`
    const helm = helmOn(() => cluster, major, release)
    const kubectl = async (...args: string[]) => (await cluster.kubectl(['--namespace', release, ...args])).stdout
    const field = (what: string, path: string) => kubectl('get', what, release, '-o', `jsonpath=${path}`)
    const hook = async (name: string) => {
      await cluster.pods.synced
      return [...cluster.pods.cache.list()].find(pod => pod.metadata.name === `${release}-${name}` && pod.metadata.namespace === release)
    }

    describe(`helm ${major}`, { concurrency: 1 }, () => {
      test('install waits until all is ready, with its hooks in the order of their weights', async () => {
        const said = await helm(['install', release, CHART, '--create-namespace', '--wait', '--timeout=60s'])
        assert.match(said, /^STATUS: deployed$/m)
        assert.match(said, new RegExp(`^${release} greets with "hello" at http://${release}.${release}.svc$`, 'm'))
        assert.equal(await field('deployment', '{.status.readyReplicas}'), '2')
        assert.equal(await field('pvc', '{.status.phase}'), 'Bound')
        assert.equal(await field('greetings', '{.spec.text} {.spec.loudness}'), 'hello 3')
        const [first, second] = await Promise.all([hook('pre-install-first'), hook('pre-install-second')])
        const ended = first?.status?.containerStatuses?.[0]?.state?.terminated
        assert.equal(ended?.exitCode, 0)
        assert.ok((ended?.finishedAt ?? '') <= (second?.metadata.creationTimestamp ?? ''), 'one after the other')
        assert.ok(
          (second?.metadata.creationTimestamp ?? '') <= (await field('deployment', '{.metadata.creationTimestamp}')),
          'and then the rest',
        )
        await cluster.until(podKind, 'the end of the hook that goes once it succeeds', pods =>
          pods.every(({ metadata }) => metadata.name !== `${release}-post-install` || metadata.namespace !== release),
        )
      })

      test('upgrade changes what is there; one that fails leaves nothing behind', async () => {
        const password = await field('secret', '{.data.password}')
        await helm(['upgrade', '--install', release, CHART, '--wait', undoFlag(major), '--timeout=60s', '--set', 'greeting=hi,replicas=1'])
        assert.equal(await field('configmap', '{.data.greeting}'), 'hi')
        assert.equal(await field('greetings', '{.spec.text} {.spec.loudness}'), 'hi 3')
        assert.equal(await field('deployment', '{.spec.replicas} {.status.updatedReplicas}'), '1 1')
        assert.equal(await field('secret', '{.data.password}'), password, 'looked up and kept')
        assert.equal((await hook('pre-upgrade'))?.status?.phase, 'Succeeded')

        const failing = ['--wait', undoFlag(major), '--timeout=10s', '--set', 'image=nginx:missing']
        assert.match(await helm.fails(['upgrade', release, CHART, '--reuse-values', ...failing]), /UPGRADE FAILED.*has been rolled back/)
        assert.equal(await field('deployment', '{.spec.template.spec.containers[0].image} {.status.readyReplicas}'), 'nginx:1.25 1')
      })

      test('rollback, the test and the history', async () => {
        await helm(['rollback', release, '1', '--wait', '--timeout=60s'])
        assert.equal(await field('deployment', '{.spec.replicas} {.status.readyReplicas}'), '2 2')
        assert.equal(await field('greetings', '{.spec.text}'), 'hello')
        assert.deepEqual(
          (await helm.history(release)).map(({ status }) => status),
          ['superseded', 'superseded', 'failed', 'superseded', 'deployed'],
        )
        assert.match(await helm(['test', release, '--timeout=30s']), /^Phase: +Succeeded$/m)
      })

      test('uninstall waits until all is gone, and runs its hook', async () => {
        assert.match(await helm(['uninstall', release, '--wait', '--timeout=60s']), /uninstalled/)
        assert.equal(await kubectl('get', 'deploy,svc,cm,pvc,secret,role,greetings', '-l', `app.kubernetes.io/instance=${release}`), '')
        assert.equal((await hook('post-delete'))?.status?.phase, 'Succeeded')
        assert.equal(await helm(['list', '--short']), '')
      })
    })
  }
})
