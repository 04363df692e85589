/** A real kubectl against the whole API server on a real etcd; skipped where there is no kubectl (`KUBECTL` names another). */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '@davit/api'
import { makeKubeconfig } from '@davit/api/pki'
import { parseOptions } from '../../options.ts'
import { openPki } from '../../pki/index.ts'
import { type RunningApiServer, runApiServer } from '../../run-apiserver.ts'

const KUBECTL = process.env.KUBECTL ?? 'kubectl'
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const DEPLOYMENT = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx:1.25' }] } },
  },
})

const isThere = spawnSync(KUBECTL, ['version', '--client']).status === 0

describe('kubectl', { skip: !isThere && `no ${KUBECTL} here` }, () => {
  let directory: string
  let running: RunningApiServer
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'davit-kubectl-'))
    const options = parseOptions(['--data-dir', directory, '--port', '0', '--bind-address', '127.0.0.1'], [])
    if (typeof options === 'string') throw new Error('Cannot read the flags')
    const pki = await openPki({ dir: join(directory, 'pki'), serverNames: [], clock: systemClock, log: SILENT })
    running = await runApiServer({ options, pki, clock: systemClock, log: SILENT, signal: new AbortController().signal })
    const kubeconfig = makeKubeconfig({ server: `https://127.0.0.1:${running.server.port}`, ca: pki.ca.certificate, ...pki.admin })
    await writeFile(join(directory, 'kubeconfig'), kubeconfig)
    await writeFile(join(directory, 'web.json'), DEPLOYMENT)
    await writeFile(join(directory, 'web-3.json'), DEPLOYMENT.replace('"replicas":2', '"replicas":3'))
    const labelled = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'labelled', namespace: 'default' }, data: { y: '2' } }
    const more = { ...labelled, metadata: { ...labelled.metadata, labels: { a: '1' } }, data: { x: '1', y: '2' } }
    await writeFile(join(directory, 'labelled.json'), JSON.stringify(more))
    await writeFile(join(directory, 'less.json'), JSON.stringify(labelled))
    await writeFile(join(directory, 'unknown.json'), JSON.stringify({ ...labelled, nonsense: 1 }))
  })
  after(async () => {
    await running.close()
    await rm(directory, { recursive: true })
  })

  const kubectl = (...args: string[]) =>
    new Promise<{ code: number; text: string }>(resolve => {
      const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: join(directory, 'kubeconfig') }
      execFile(KUBECTL, args, { env, cwd: directory }, (err, stdout, stderr) =>
        resolve({ code: typeof err?.code === 'number' ? err.code : 0, text: stdout + stderr }),
      )
    })

  const steps: [string, number, RegExp][] = [
    ['version', 0, /Server Version: v1\.33/],
    ['api-resources', 0, /deployments +deploy +apps\/v1 +true +Deployment/],
    ['apply -f web.json', 0, /deployment\.apps\/web created/],
    ['apply -f web.json', 0, /deployment\.apps\/web unchanged/],
    ['get deploy', 0, /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/2/],
    ['get deploy -A -o wide', 0, /CONTAINERS +IMAGES +SELECTOR/],
    ['get deploy web -o jsonpath={.spec.replicas}', 0, /^2$/],
    ['diff -f web.json', 0, /^$/],
    ['diff -f web-3.json', 1, /\+ {2}replicas: 3/],
    ['apply -f web-3.json --dry-run=server', 0, /configured \(server dry run\)/],
    ['get deploy web -o jsonpath={.spec.replicas}', 0, /^2$/],
    ['apply -f web-3.json', 0, /configured/],
    ['scale deploy/web --replicas=5 --current-replicas=3', 0, /scaled/],
    ['set image deploy/web c=nginx:1.26', 0, /image updated/],
    ['rollout restart deploy/web', 0, /restarted/],
    ['rollout pause deploy/web', 0, /paused/],
    ['label deploy/web tier=front', 0, /labeled/],
    ['annotate deploy/web note=hello', 0, /annotated/],
    ['patch deploy/web --type=json -p [{"op":"remove","path":"/metadata/labels/tier"}]', 0, /patched/],
    ['describe deploy/web', 0, /Replicas: +5 desired/],
    ['explain deploy.spec.template.spec.containers', 0, /FIELD: containers <\[\]Container>/],
    ['get pods nope', 1, /Error from server \(NotFound\): pods "nope" not found/],
    ['get events', 0, /No resources found/],
    ['get deploy web -o yaml --show-managed-fields', 0, /manager: kubectl-client-side-apply\n +operation: Update/],
    ['apply --server-side -f web-3.json', 1, /conflicts? with "kubectl(-scale)?" .*using apps\/v1/],
    ['apply --server-side --force-conflicts -f web-3.json', 0, /web serverside-applied/],
    ['get deploy web -o jsonpath={.metadata.managedFields[?(@.operation=="Apply")].manager}', 0, /(^| )kubectl( |$)/],
    ['get deploy web -o jsonpath={.metadata.managedFields[*].manager}', 0, /^(?!.*client-side-apply)/],
    ['get deploy web -o jsonpath={.spec.replicas}', 0, /^3$/],
    ['diff --server-side -f web-3.json', 0, /^$/],
    ['diff --server-side -f web.json', 1, /\+ {2}replicas: 2/],
    ['apply --server-side --field-manager=other -f web.json', 1, /conflict with "kubectl": \.spec\.replicas/],
    [
      'apply --server-side --field-manager=other --force-conflicts -f web.json --dry-run=server',
      0,
      /serverside-applied \(server dry run\)/,
    ],
    ['get deploy web -o jsonpath={.spec.replicas}', 0, /^3$/],
    ['apply --server-side -f labelled.json', 0, /configmap\/labelled serverside-applied/],
    ['get cm labelled -o jsonpath={.metadata.labels}{.data}', 0, /^\{"a":"1"\}\{"x":"1","y":"2"\}$/],
    ['apply --server-side -f less.json', 0, /configmap\/labelled serverside-applied/],
    ['get cm labelled -o jsonpath={.metadata.labels}{.data}', 0, /^\{"y":"2"\}$/],
    ['apply --server-side -f unknown.json --validate=false', 1, /\.nonsense: field not declared in schema/],
    ['apply -f web-3.json', 0, /deployment\.apps\/web (unchanged|configured)/],
    ['delete deploy/web --cascade=background', 0, /"web" deleted/],
    ['get deploy', 0, /No resources found in default namespace/],
  ]
  for (const [command, code, output] of steps) {
    it(`runs ${command}`, async () => {
      const result = await kubectl(...command.split(' '))
      assert.equal(result.code, code, result.text)
      assert.match(result.text, output)
    })
  }

  it('tells of unknown fields in Kubernetes words', async () => {
    await writeFile(join(directory, 'bad.json'), DEPLOYMENT.replace('"replicas"', '"replica"'))
    const result = await kubectl('apply', '-f', 'bad.json')
    assert.equal(result.code, 1)
    assert.match(result.text, /strict decoding error: unknown field "spec\.replica"/)
  })
})
