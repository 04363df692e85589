/** What `kubectl create` makes of flags. */
import assert from 'node:assert/strict'
import { strangersCertificate } from '../../control-plane/certificates.ts'
import type { VerbCase } from '../case.ts'
import { configMap } from '../fixtures.ts'

export const cases: readonly VerbCase[] = [
  {
    verb: 'create clusterrole',
    what: 'rules of resources, of paths, and of other roles',
    steps: [
      [
        'create clusterrole reader-{v} --verb=get,list --resource=pods,deployments.apps',
        'clusterrole.rbac.authorization.k8s.io/reader-{v} created',
      ],
      ['get clusterrole reader-{v} -o jsonpath={.rules[*].resources}', '["pods"] ["deployments"]'],
      ['create clusterrole paths-{v} --verb=get --non-resource-url=/logs/*', 'clusterrole.rbac.authorization.k8s.io/paths-{v} created'],
      ['create clusterrole all-{v} --aggregation-rule=kind-{v}=any', 'clusterrole.rbac.authorization.k8s.io/all-{v} created'],
      ['label clusterrole reader-{v} kind-{v}=any', /labeled/],
      ['wait clusterrole all-{v} --for=jsonpath={.rules[0].resources[0]}=pods --timeout=10s', /condition met/],
    ],
  },
  {
    verb: 'create clusterrolebinding',
    what: 'users, groups and accounts',
    steps: [
      [
        'create clusterrolebinding bind-{v} --clusterrole=view --user=zoe-{v} --group=zoos-{v} --serviceaccount={ns}:default',
        'clusterrolebinding.rbac.authorization.k8s.io/bind-{v} created',
      ],
      ['get clusterrolebinding bind-{v} -o jsonpath={.subjects[*].kind}', 'User Group ServiceAccount'],
    ],
  },
  {
    verb: 'create configmap',
    what: 'literals, files, folders, an env file, names with a hash',
    files: { 'app.conf': 'a=1\n', 'dir/one': '1', 'dir/two': '2', 'all.env': 'X=1\nY=2\n' },
    steps: [
      ['create configmap literals --from-literal=a=b --from-literal=c=d', 'configmap/literals created'],
      ['create configmap files --from-file=app.conf --from-file=other=app.conf --from-file=dir', 'configmap/files created'],
      ['create configmap env --from-env-file=all.env', 'configmap/env created'],
      ['get configmap literals env -o jsonpath={.items[*].data}', '{"a":"b","c":"d"} {"X":"1","Y":"2"}'],
      ['get configmap files -o jsonpath={.data}', '{"app.conf":"a=1\\n","one":"1","other":"a=1\\n","two":"2"}'],
      ['create configmap hashed --from-literal=a=b --append-hash', /^configmap\/hashed-[a-z0-9]{10} created$/m],
      [
        'create configmap literals --from-literal=a=b',
        'error: failed to create configmap: configmaps "literals" already exists',
        { code: 1 },
      ],
    ],
  },
  {
    verb: 'create cronjob',
    what: 'a schedule and its job',
    partly: 'stored; nothing runs it yet',
    steps: [
      ["create cronjob tick --image=busybox:1.36 --schedule='*/5 * * * *' -- date", 'cronjob.batch/tick created'],
      ['get cronjob tick', /^tick +\*\/5 \* \* \* \* +<none> +False +0 +<none> +\d+s$/m],
      ["create cronjob bad --image=busybox:1.36 --schedule='* * *'", /Invalid value: "\* \* \*"/, { code: 1 }],
    ],
  },
  {
    verb: 'create deployment',
    what: 'image, replicas, port and command',
    steps: [
      ['create deployment app --image=nginx:1.25 --replicas=0 --port=80', 'deployment.apps/app created'],
      ['get deployment app -o jsonpath={.spec.replicas},{.spec.template.spec.containers[0].ports[0].containerPort}', '0,80'],
      ['create deployment sh --image=busybox:1.36 --replicas=0 -- sh -c date', 'deployment.apps/sh created'],
    ],
  },
  {
    verb: 'create ingress',
    what: 'rules, a class, TLS, annotations and a default backend',
    steps: [
      [
        "create ingress front --class=web --rule='a.example/api*=api:80,tls=cert' --annotation=team=x --default-backend=web:80",
        'ingress.networking.k8s.io/front created',
      ],
      ['get ingress front', /^front +web +a\.example +80, 443 +\d+s$/m],
    ],
  },
  {
    verb: 'create job',
    what: 'with an image, and from a CronJob',
    partly: 'stored; nothing runs it yet',
    steps: [
      ['create job once --image=busybox:1.36 -- date', 'job.batch/once created'],
      ["create cronjob tick --image=busybox:1.36 --schedule='@daily'", /created/],
      ['create job now --from=cronjob/tick', 'job.batch/now created'],
      [
        'get job now -o jsonpath={.metadata.ownerReferences[0].kind}/{.metadata.annotations}',
        /^CronJob\/.*"cronjob\.kubernetes\.io\/instantiate":"manual"/,
      ],
    ],
  },
  {
    verb: 'create namespace',
    what: 'and refuses a second of the name',
    steps: [
      ['create namespace team-{v}', 'namespace/team-{v} created'],
      ['create ns team-{v}', 'Error from server (AlreadyExists): namespaces "team-{v}" already exists', { code: 1 }],
      ['delete ns team-{v}', /namespace "team-{0,1}\d+" deleted/],
    ],
  },
  {
    verb: 'create poddisruptionbudget',
    what: 'of what must stay, and of what may be missing',
    steps: [
      ['create pdb keep --selector=app=web --min-available=1', 'poddisruptionbudget.policy/keep created'],
      ['create poddisruptionbudget miss --selector=app=api --max-unavailable=50%', 'poddisruptionbudget.policy/miss created'],
      ['get pdb', /^keep +1 +N\/A +0 +\d+s\nmiss +N\/A +50% +0 +\d+s$/m],
    ],
  },
  {
    verb: 'create priorityclass',
    what: 'with a value, a policy and a description',
    steps: [
      [
        "create priorityclass high-{v} --value=1000 --description='high one' --preemption-policy=Never",
        'priorityclass.scheduling.k8s.io/high-{v} created',
      ],
      ['get pc high-{v} -o jsonpath={.value},{.preemptionPolicy},{.globalDefault}', '1000,Never,'],
    ],
  },
  {
    verb: 'create quota',
    what: 'hard limits and scopes',
    steps: [
      ['create quota limits --hard=cpu=1,pods=2 --scopes=NotTerminating', 'resourcequota/limits created'],
      ['get quota limits -o jsonpath={.spec}', '{"hard":{"cpu":"1","pods":"2"},"scopes":["NotTerminating"]}'],
    ],
  },
  {
    verb: 'create role',
    what: 'verbs, resources, names of them',
    steps: [
      ['create role reader --verb=get --verb=list --resource=pods --resource-name=web', 'role.rbac.authorization.k8s.io/reader created'],
      ['get role reader -o jsonpath={.rules[0]}', '{"apiGroups":[""],"resourceNames":["web"],"resources":["pods"],"verbs":["get","list"]}'],
      ['create role bad --verb=get --resource=unicorns', /the server doesn't have a resource type "unicorns"/, { code: 1 }],
    ],
  },
  {
    verb: 'create rolebinding',
    what: 'to a Role and to a ClusterRole',
    steps: [
      ['create rolebinding one --role=reader --user=ann', 'rolebinding.rbac.authorization.k8s.io/one created'],
      ['create rolebinding two --clusterrole=view --serviceaccount={ns}:default', 'rolebinding.rbac.authorization.k8s.io/two created'],
      ['get rolebinding one two -o jsonpath={.items[*].roleRef.kind}', 'Role ClusterRole'],
    ],
  },
  {
    verb: 'create secret generic',
    what: 'literals, files, and a type',
    files: { key: 'k' },
    steps: [
      ['create secret generic plain --from-literal=a=b --from-file=key --type=example.com/x', 'secret/plain created'],
      ['get secret plain -o jsonpath={.type},{.data}', 'example.com/x,{"a":"Yg==","key":"aw=="}'],
    ],
  },
  {
    verb: 'create secret tls',
    what: 'a certificate with its key',
    run: async context => {
      const { certificate, key } = await strangersCertificate('/CN=a.example')
      await context.write('tls.crt', certificate)
      await context.write('tls.key', key)
      assert.equal(await context.out('create secret tls pair --cert=tls.crt --key=tls.key'), 'secret/pair created\n')
      assert.equal(await context.out('get secret pair -o jsonpath={.type}'), 'kubernetes.io/tls')
    },
  },
  {
    verb: 'create secret docker-registry',
    what: 'a login to a registry',
    steps: [
      [
        'create secret docker-registry login --docker-server=r.example --docker-username=u --docker-password=p --docker-email=e@x',
        'secret/login created',
      ],
      [
        'get secret login -o \'go-template={{index .data ".dockerconfigjson" | base64decode}}\'',
        /^\{"auths":\{"r\.example":\{"username":"u","password":"p"/,
      ],
    ],
  },
  {
    verb: 'create service clusterip',
    what: 'with ports, and headless',
    steps: [
      ['create service clusterip api --tcp=80:8080', 'service/api created'],
      ['create service clusterip headless --clusterip=None', 'service/headless created'],
      ['get service api headless', /^api +ClusterIP +10\.\S+ +<none> +80\/TCP +\d+s\nheadless +ClusterIP +None +<none> +<none> +\d+s$/m],
    ],
  },
  {
    verb: 'create service nodeport',
    what: 'with a port of the nodes',
    steps: [
      ['create service nodeport api --tcp=80:8080', 'service/api created'],
      ['get service api', /^api +NodePort +10\.\S+ +<none> +80:3\d{4}\/TCP +\d+s$/m],
    ],
  },
  {
    verb: 'create service loadbalancer',
    what: 'with a port',
    steps: [
      ['create service loadbalancer api --tcp=8{v}:80', 'service/api created'],
      ['get service api -o jsonpath={.spec.type},{.spec.ports[0].port}', 'LoadBalancer,8{v}'],
    ],
  },
  {
    verb: 'create service externalname',
    what: 'with a name',
    steps: [
      ['create service externalname far --external-name=far.example', 'service/far created'],
      ['get service far', /^far +ExternalName +<none> +far\.example +<none> +\d+s$/m],
    ],
  },
  { verb: 'create serviceaccount', what: 'by name', steps: [['create sa robot', 'serviceaccount/robot created']] },
  {
    verb: 'create token',
    what: 'for an account, with a duration, an audience, and an object it is bound to',
    steps: [
      ['create sa robot', /created/],
      ['create token robot', /^eyJ[\w-]+\.[\w-]+\.[\w-]+\s*$/],
      [
        'create token robot --duration=15m --audience=https://x.example -o jsonpath={.spec.audiences[0]},{.spec.expirationSeconds}',
        'https://x.example,900',
      ],
      ['create secret generic anchor', /created/],
      ['create token robot --bound-object-kind=Secret --bound-object-name=anchor', /^eyJ/],
      ['create token absent', /serviceaccounts "absent" not found/, { code: 1 }],
    ],
    run: async context => {
      const token = (await context.out('create token robot')).trim()
      const server = await context.out('config view -o jsonpath={.clusters[0].cluster.server}')
      const login = `--server=${server} --insecure-skip-tls-verify --token=${token}`
      const { stderr } = await context.run(`get pods ${login}`, { code: 1, env: { KUBECONFIG: '/dev/null' } })
      assert.match(stderr, new RegExp(`User "system:serviceaccount:${context.namespace}:robot" cannot list resource "pods"`))
    },
  },
  {
    verb: 'create -f',
    what: 'from files, folders and standard input, saving what apply compares, and dry',
    files: { 'a.yaml': configMap('a', 'value'), 'more/b.yaml': configMap('b', 'value'), 'more/deep/c.yaml': configMap('c', 'value') },
    steps: [
      ['create -f a.yaml -f more', 'configmap/a created\nconfigmap/b created'],
      ['create -R -f more', /configmaps "b" already exists/, { code: 1 }],
      ['get configmap c -o name', 'configmap/c'],
      ['create -f - --save-config -o name', 'configmap/d', { input: configMap('d', 'value') }],
      ['apply view-last-applied configmap/d', /key: value/],
      ['create -f - --dry-run=server -o jsonpath={.metadata.uid}', /^[0-9a-f-]{36}$/, { input: configMap('e', 'value') }],
      ['create -f - --dry-run=client -o name', 'configmap/e', { input: configMap('e', 'value') }],
      ['get configmap e', /NotFound/, { code: 1 }],
      ['create --raw /api/v1/namespaces/{ns}/configmaps -f -', /"name":"raw"/, { input: '{"metadata":{"name":"raw"}}' }],
    ],
  },
  {
    verb: 'create --edit',
    what: 'what the editor leaves',
    files: { 'a.yaml': configMap('a', 'value'), editor: '#!/bin/sh\nsed -i s/value/edited/ "$1"\n' },
    run: async context => {
      const env = { EDITOR: `${context.dir}/editor` }
      assert.equal(await context.out('create -f a.yaml --edit', { env }), 'configmap/a created\n')
      assert.equal(await context.out('get cm a -o jsonpath={.data.key}'), 'edited')
    },
  },
]
