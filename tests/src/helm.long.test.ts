/** What else people do with Helm 3 and 4, and who may do it. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startCluster, type TestCluster } from './cluster.ts'
import { until } from './control-plane/until.ts'
import { CHART, helmOn, undoFlag } from './helm.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster({ nodes: 2 })
})
after(() => cluster?.stop())

const waiting = ['--wait', '--timeout=90s']

function kubectlIn(namespace: string) {
  const kubectl = async (...args: string[]) => (await cluster.kubectl(['--namespace', namespace, ...args])).stdout
  return { kubectl, field: (what: string, path: string) => kubectl('get', what, '-o', `jsonpath=${path}`) }
}

for (const major of [3, 4] as const) {
  const namespace = `helm-${major}`
  const helm = helmOn(() => cluster, major, namespace)
  const { kubectl, field } = kubectlIn(namespace)

  describe(`helm ${major}`, () => {
    before(async () => {
      await cluster.kubectl(['create', 'namespace', namespace])
      await cluster.kubectl(['apply', '-f', `${CHART}/crds`])
    })

    test('a chart is looked at before anything is made', async () => {
      assert.match(await helm(['lint', CHART, '--strict']), /0 chart\(s\) failed/)
      const manifests = await helm(['template', 'looked', CHART, '--validate', '--set', 'hookKind=Job'])
      assert.equal(manifests.match(/^kind: Job$/gm)?.length, 6)
      // What the server can do is asked of the server.
      assert.match(manifests, /^ {2}kubernetes: v1\.\d+\.\d+\+davit/m)
      assert.match(manifests, /hasIngress: "true"/)
      assert.match(manifests, /hasOldIngress: "false"/)
      assert.match(await helm.fails(['template', 'looked', CHART, '--set', 'replicas=-1']), /replicas/)
      assert.match(await helm(['install', 'looked', CHART, '--dry-run=server']), /^STATUS: pending-install$/m)
      assert.equal(await helm(['list', '--short']), '')
      assert.equal(await kubectl('get', 'secrets', '-o', 'name'), '')
    })

    test('an install that fails is undone', async () => {
      const failing = ['--wait', '--timeout=15s', '--set', 'image=nginx:missing', '--set', 'storage=']
      assert.match(await helm.fails(['install', 'undone', CHART, undoFlag(major), ...failing]), /INSTALLATION FAILED.*has been uninstalled/)
      assert.equal(await kubectl('get', 'deploy,svc,secret', '-o', 'name'), '')
    })

    test('get, status and list tell of the release', async () => {
      await helm(['install', 'told', CHART, ...waiting, '--set', 'greeting=hey'])
      assert.deepEqual(await helm.json(['get', 'values', 'told']), { greeting: 'hey' })
      const manifest = await helm(['get', 'manifest', 'told'])
      assert.deepEqual([...manifest.matchAll(/^kind: (\S+)$/gm)].map(([, kind]) => kind).sort(), [
        'ConfigMap',
        'Deployment',
        'Greeting',
        'Ingress',
        'PersistentVolumeClaim',
        'PodDisruptionBudget',
        'Role',
        'RoleBinding',
        'Secret',
        'Service',
        'ServiceAccount',
      ])
      assert.equal((await helm(['get', 'hooks', 'told'])).match(/^kind: Pod$/gm)?.length, 6)
      assert.match(await helm(['get', 'notes', 'told']), /told greets with "hey"/)
      assert.match(await helm(['get', 'all', 'told']), /^COMPUTED VALUES:$/m)
      const [listed] = await helm.json<{ name: string; status: string; revision: string }[]>(['list'])
      assert.deepEqual([listed?.name, listed?.status, listed?.revision], ['told', 'deployed', '1'])
      const { info } = await helm.json<{ info: { status: string; resources?: Record<string, unknown[]> } }>(['status', 'told'])
      assert.equal(info.status, 'deployed')
      assert.match(await helm(['status', 'told', ...(major === 3 ? ['--show-resources'] : [])]), /^==> v1\/Deployment$/m)
    })

    test('values stay, change and go with each upgrade, and every revision is kept', async () => {
      await helm(['upgrade', 'told', CHART, ...waiting, '--reuse-values', '--set', 'replicas=1'])
      assert.deepEqual(await helm.json(['get', 'values', 'told']), { greeting: 'hey', replicas: 1 })
      await helm(['upgrade', 'told', CHART, ...waiting, '--reset-values', '--set', 'replicas=1'])
      assert.deepEqual(await helm.json(['get', 'values', 'told']), { replicas: 1 })
      assert.deepEqual(await helm.json(['get', 'values', 'told', '--revision=2']), { greeting: 'hey', replicas: 1 })
      assert.equal(await field('greeting/told', '{.spec.text}'), 'hello')
      assert.match(await helm(['upgrade', 'told', CHART, '--dry-run=server', '--set', 'greeting=dry']), /greeting: "dry"/)
      assert.equal(await field('cm/told', '{.data.greeting}'), 'hello')
    })

    test('what a chart no longer has goes, and what it has anew comes', async () => {
      const hpa = () => kubectl('get', 'hpa', '-o', 'name')
      await helm(['upgrade', 'told', CHART, ...waiting, '--set', 'autoscaling=true,serviceType=LoadBalancer'])
      assert.equal(await hpa(), 'horizontalpodautoscaler.autoscaling/told\n')
      assert.notEqual(await field('svc/told', '{.status.loadBalancer.ingress[0].ip}'), '', 'a LoadBalancer is waited for')
      await helm(['upgrade', 'told', CHART, ...waiting, '--reset-values'])
      assert.equal(await hpa(), '')
      assert.equal(await field('svc/told', '{.spec.type}'), 'ClusterIP')
      await until('its addresses to go', async () => (await field('svc/told', '{.status.loadBalancer.ingress}')) === '')
    })

    test('a hook that fails stops the upgrade before anything is changed', async () => {
      const said = await helm.fails(['upgrade', 'told', CHART, ...waiting, '--set', 'preUpgradeExitCode=3,greeting=never'])
      assert.match(said, /pre-upgrade hooks failed/)
      assert.match(said, /told-pre-upgrade/)
      assert.equal(await field('cm/told', '{.data.greeting}'), 'hello')
      assert.equal((await helm.history('told')).at(-1)?.status, 'failed')
      assert.equal(await field('pod/told-pre-upgrade', '{.status.containerStatuses[0].state.terminated.exitCode}'), '3')
    })

    test('replacing keeps what the server has given, and says what cannot be replaced', async () => {
      const force = major === 3 ? ['--force'] : ['--force-replace', '--server-side=false']
      const said = await helm.fails(['upgrade', 'told', CHART, ...force, '--set', 'greeting=forced'])
      assert.match(said, /PersistentVolumeClaim "told" is invalid: spec: Forbidden: spec is immutable after creation/)
      await helm(['install', 'forced', CHART, ...waiting, '--set', 'storage='])
      const address = await field('svc/forced', '{.spec.clusterIP}')
      await helm(['upgrade', 'forced', CHART, ...force, ...waiting, '--set', 'storage=,greeting=forced'])
      assert.equal(await field('svc/forced', '{.spec.clusterIP}'), address)
      assert.equal(await field('cm/forced', '{.data.greeting}'), 'forced')
      await helm(['uninstall', 'forced', '--wait'])
    })

    test('what somebody else has made is taken only when asked to', async () => {
      await kubectl('create', 'serviceaccount', 'taken')
      const said = await helm.fails(['install', 'taken', CHART, '--set', 'storage='])
      assert.match(said, /ServiceAccount "taken" in namespace "helm-\d" exists and cannot be imported/)
      await helm(['install', 'taken', CHART, ...waiting, '--take-ownership', '--set', 'storage='])
      assert.equal(await field('sa/taken', '{.metadata.labels.app\\.kubernetes\\.io/managed-by}'), 'Helm')
      await helm(['uninstall', 'taken', '--wait'])
    })

    test('uninstall in the foreground keeps the history when asked to, and the release comes back from it', async () => {
      await helm(['uninstall', 'told', '--wait', '--cascade=foreground', '--keep-history', '--timeout=90s'])
      assert.equal(await kubectl('get', 'deploy,rs,svc,pvc,greetings', '-o', 'name'), '')
      assert.equal((await helm.history('told')).at(-1)?.status, 'uninstalled')
      await helm(['rollback', 'told', '1', ...waiting])
      assert.equal(await field('cm/told', '{.data.greeting}'), 'hey')
      await helm(['uninstall', 'told', '--wait'])
      assert.equal(await kubectl('get', 'secrets', '-o', 'name'), '')
      assert.equal((await kubectl('get', 'crd', 'greetings.greeter.example.com', '-o', 'name')).trim().length > 0, true, 'kinds stay')
    })

    test('who may do only so much installs only what that allows', async () => {
      await kubectl('create', 'serviceaccount', 'deployer')
      await kubectl('create', 'rolebinding', 'deployer', '--clusterrole=admin', `--serviceaccount=${namespace}:deployer`)
      const token = (await kubectl('create', 'token', 'deployer')).trim()
      const kubeconfig = join(cluster.home.dir, `deployer-${major}.kubeconfig`)
      await writeFile(kubeconfig, await kubectl('config', 'view', '--raw', '--minify'), { mode: 0o600 })
      const config = (...args: string[]) => cluster.kubectl(['config', '--kubeconfig', kubeconfig, ...args])
      await config('set-credentials', 'deployer', `--token=${token}`)
      await config('set-context', '--current', '--user=deployer')
      const install = ['install', 'limited', CHART, '--skip-crds', ...waiting, '--set', 'storage=']

      assert.match(
        await helm.fails(install, { kubeconfig }),
        /greetings\.greeter\.example\.com.* is forbidden: User "system:serviceaccount:/,
      )
      await helm(['uninstall', 'limited', '--ignore-not-found', '--no-hooks'])
      const role = `greetings-${major}`
      await kubectl('create', 'clusterrole', role, '--verb=*', '--resource=greetings.greeter.example.com')
      await kubectl('label', 'clusterrole', role, 'rbac.authorization.k8s.io/aggregate-to-admin=true')
      const may = ['auth', 'can-i', 'create', 'greetings.greeter.example.com', `--as=system:serviceaccount:${namespace}:deployer`]
      await until('the role to be aggregated', async () => {
        return (await cluster.kubectl(['--namespace', namespace, ...may], { allowFailure: true })).code === 0
      })
      await helm(install, { kubeconfig })
      await helm(['uninstall', 'limited', '--wait'], { kubeconfig })
      await kubectl('delete', 'clusterrole', role)
    })
  })
}

describe('helm 4 and who owns a field', () => {
  const namespace = 'helm-owners'
  const helm = helmOn(() => cluster, 4, namespace)
  const helm3 = helmOn(() => cluster, 3, namespace)
  const { kubectl, field } = kubectlIn(namespace)
  /** How Helm itself has written the Deployment. */
  const asOwner = async (name: string) => {
    const found = await kubectl('get', 'deploy', name, '--show-managed-fields', '-o', 'json')
    const { metadata } = JSON.parse(found) as { metadata: { managedFields: { manager: string; operation: string }[] } }
    return metadata.managedFields.flatMap(({ manager, operation }) => (manager === 'helm' ? [operation] : []))
  }
  const upgrade = (name: string, ...args: string[]) => helm(['upgrade', name, CHART, ...waiting, '--set', 'storage=,replicas=2', ...args])

  test('it applies on the server, and a conflict names the other manager until it is forced', async () => {
    await helm(['install', 'owned', CHART, '--create-namespace', ...waiting, '--set', 'storage='])
    assert.deepEqual(await asOwner('owned'), ['Apply'])
    await kubectl('scale', 'deployment/owned', '--replicas=1')
    const said = await helm.fails(['upgrade', 'owned', CHART, '--set', 'storage=,replicas=2'])
    assert.match(said, /Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/)
    assert.equal(await field('deploy/owned', '{.spec.replicas}'), '1')
    await upgrade('owned', '--force-conflicts')
    assert.equal(await field('deploy/owned', '{.spec.replicas} {.status.readyReplicas}'), '2 2')
  })

  test('it goes over to patches of its own and back', async () => {
    await upgrade('owned', '--server-side=false', '--set', 'greeting=patched')
    assert.equal(await field('cm/owned', '{.data.greeting}'), 'patched')
    await upgrade('owned', '--server-side=true', '--set', 'greeting=applied')
    assert.equal(await field('cm/owned', '{.data.greeting}'), 'applied')
    assert.deepEqual(await asOwner('owned'), ['Apply'])
    await upgrade('owned', '--wait=legacy', '--set', 'greeting=legacy')
    await upgrade('owned', '--wait=watcher', '--wait-for-jobs', '--set', 'greeting=watched')
    assert.equal(await field('cm/owned', '{.data.greeting}'), 'watched')
  })

  test('a field that nobody knows is refused', async () => {
    await helm(['install', 'plain', CHART, '--server-side=false', ...waiting, '--set', 'storage=,unknown=true'])
    assert.equal(await field('deploy/plain', '{.spec.unknown}'), '')
    assert.match(
      await helm.fails(['upgrade', 'owned', CHART, '--set', 'storage=,unknown=true']),
      /\.spec\.unknown: field not declared in schema/,
    )
  })

  test('it takes over what Helm 3 has installed', async () => {
    await helm3(['install', 'older', CHART, ...waiting, '--set', 'storage='])
    await upgrade('older', '--set', 'greeting=four')
    assert.deepEqual(await asOwner('older'), ['Update'], 'as it was installed')
    await upgrade('older', '--set', 'greeting=five', '--server-side=true')
    assert.deepEqual(await asOwner('older'), ['Apply'])
    assert.equal(await field('cm/older', '{.data.greeting}'), 'five')
    await helm(['rollback', 'older', '1', ...waiting])
    assert.equal(await field('cm/older', '{.data.greeting}'), 'hello')
    for (const name of ['older', 'owned', 'plain']) await helm(['uninstall', name, '--wait'])
    assert.equal(await kubectl('get', 'deploy,secret', '-o', 'name'), '')
  })
})
