/** What the cluster and kubectl say of themselves. */
import assert from 'node:assert/strict'
import { KINDS } from '@davit/api'
import type { VerbCase } from '../case.ts'

const ANYWHERE = { anywhere: true }

export const cases: readonly VerbCase[] = [
  {
    verb: 'api-resources',
    what: 'with each flag',
    steps: [
      ['api-resources', /^pods +po +v1 +true +Pod$/m],
      ['api-resources --namespaced=false --no-headers', /^nodes +no +v1 +false +Node$/m],
      ['api-resources --api-group=apps -o name', /^daemonsets\.apps$/m],
      ['api-resources --api-group= -o name --namespaced=true', /^configmaps\n/],
      [
        'api-resources --verbs=list,watch --sort-by=kind -o wide',
        /^componentstatuses|^clusterroles .*ClusterRole +create,delete,deletecollection,get,list,patch,update,watch/m,
      ],
      ['api-resources --categories=all -o name', /^deployments\.apps$/m],
      ['api-resources --cached', /^services +svc +v1 +true +Service$/m],
    ],
    run: async context => {
      const said = (await context.out('api-resources -o name')).trim().split('\n')
      const missing = KINDS.map(({ plural, group }) => (group ? `${plural}.${group}` : plural)).filter(name => !said.includes(name))
      assert.deepEqual(missing, [])
    },
  },
  { verb: 'api-versions', what: 'every group and version', steps: [['api-versions', /^apps\/v1\n[\s\S]*^batch\/v1\n[\s\S]*^v1$/m]] },
  {
    verb: 'cluster-info',
    what: 'and dump',
    steps: [
      ['cluster-info', /Kubernetes control plane.* is running at .*https:\/\//],
      ['cluster-info dump --namespaces={shared} --output-directory=dump', /Cluster info dumped to dump/],
    ],
    run: async context => {
      assert.match(await context.read('dump/nodes.json'), /"node-1"/)
      assert.match(await context.read(`dump/${context.shared}/box/logs.txt`), /three/)
    },
  },
  {
    verb: 'version',
    what: 'of both, as text, JSON and YAML',
    steps: [
      ['version', /Server Version: v?.*1\.\d+/, ANYWHERE],
      ['version -o json', /"serverVersion": \{[\s\S]*"gitVersion": "v1\./, ANYWHERE],
      ['version -o yaml', /serverVersion:/, ANYWHERE],
      ['version --client', /Client Version: .*1\.{v}|Client Version/, ANYWHERE],
    ],
  },
  {
    verb: 'config',
    what: 'reads and changes a kubeconfig of its own',
    run: async context => {
      const env = { KUBECONFIG: `${context.dir}/config` }
      const config = (line: string, options = {}) => context.out(`config ${line}`, { ...ANYWHERE, env, ...options })
      await context.write('config', await context.out('config view --raw --flatten'))
      assert.match(await config('view --minify'), /certificate-authority-data: DATA\+OMITTED/)
      const current = (await config('current-context')).trim()
      assert.match(await config('get-contexts'), new RegExp(`^\\* +${current} `, 'm'))
      await config('set-cluster other --server=https://127.0.0.1:1')
      await config('set-credentials ann --token=t')
      await config('set-context two --cluster=other --user=ann --namespace=n')
      assert.match(await config('get-clusters'), /^other$/m)
      assert.match(await config('get-users'), /^ann$/m)
      await config('use-context two')
      await config('rename-context two three')
      assert.equal((await config('current-context')).trim(), 'three')
      await config('set contexts.three.namespace m')
      assert.match(await config('view -o jsonpath={.contexts[?(@.name=="three")].context.namespace}'), /^m$/)
      await config('unset contexts.three.namespace')
      await config(`use-context ${current}`)
      for (const line of ['delete-context three', 'delete-cluster other', 'delete-user ann']) await config(line)
      assert.match(await context.out('get ns default -o name', { ...ANYWHERE, env }), /namespace\/default/)
    },
  },
  {
    verb: 'plugin',
    what: 'lists and runs programs of the path',
    files: { 'bin/kubectl-hello': '#!/bin/sh\necho hello "$@"\n' },
    run: async context => {
      const options = { ...ANYWHERE, env: { PATH: `${context.dir}/bin:${process.env.PATH}` } }
      assert.match(await context.out('plugin list', options), /kubectl-hello/)
      assert.equal(await context.out('hello you', options), 'hello you\n')
    },
  },
  {
    verb: 'completion',
    what: 'for each shell, and names from the cluster',
    steps: [
      ['completion bash', /__start_kubectl/, ANYWHERE],
      ['completion zsh', /compdef/, ANYWHERE],
      ['completion fish', /complete -c kubectl/, ANYWHERE],
      ['completion powershell', /Register-ArgumentCompleter/, ANYWHERE],
      ["__complete get pods --namespace={shared} ''", /^box$/m, ANYWHERE],
      ["__complete exec box --namespace={shared} -c ''", /^main$/m, ANYWHERE],
    ],
  },
  { verb: 'options', what: 'are told', steps: [['options', /--request-timeout/, ANYWHERE]] },
  {
    verb: 'events',
    what: 'of all, of one object, by type, as they come',
    steps: [
      ['events -n {shared} --for pod/box', /Normal +Started +Pod\/box +Started container:? main/, ANYWHERE],
      ['events -n {shared} --types=Warning --for pod/box', 'No events found in {shared} namespace.', ANYWHERE],
      ['events -A --no-headers', /Pod\/box/, ANYWHERE],
      ['events -n {shared} -o json --for pod/box', /"reason": "Scheduled"/, ANYWHERE],
      ['get events -n {shared} --field-selector involvedObject.name=box,reason=Started', /Started/, ANYWHERE],
      ['get events.events.k8s.io -n {shared}', /Started/, ANYWHERE],
    ],
    run: async context => {
      const watching = await context.start('events --watch')
      await context.run('create deployment app --image=nginx:1.25')
      await watching.prints(/ScalingReplicaSet +Deployment\/app +Scaled up replica set app-\w+ (from 0 )?to 1/)
    },
  },
]
