/** Who may do what, and who one is. */
import assert from 'node:assert/strict'
import { certificateRequest } from '../../control-plane/certificates.ts'
import type { VerbCase } from '../case.ts'

export const cases: readonly VerbCase[] = [
  {
    verb: 'auth can-i',
    what: 'oneself, others, groups, subresources, paths, all one may',
    steps: [
      ['auth can-i create pods', 'yes'],
      ["auth can-i '*' '*' --all-namespaces", 'yes'],
      ['auth can-i get pods --as=ann', 'no', { code: 1 }],
      ['auth can-i get /healthz --as=ann', /^(yes|no)/, { code: [0, 1] }],
      ['create rolebinding see --clusterrole=view --group=team', /created/],
      ['auth can-i list pods --as=ann --as-group=team', 'yes'],
      ['auth can-i get pods --subresource=log --as=ann --as-group=team', 'yes'],
      ['auth can-i get secrets --as=ann --as-group=team -q', '', { code: 1 }],
      ['auth can-i list deployments.apps --as=ann --as-group=team', 'yes'],
      ['auth can-i --list --as=ann --as-group=team', /^pods\/log +\[\] +\[\] +\[get list watch\]$/m],
      [
        'get secrets --as=ann --as-group=team',
        /secrets is forbidden: User "ann" cannot list resource "secrets" in API group "" in the namespace "{0,1}\S+"/,
        { code: 1 },
      ],
      ['get pods --as=ann --as-group=team', 'No resources found in {ns} namespace.'],
      ['get pods --as=system:serviceaccount:{ns}:default', /is forbidden/, { code: 1 }],
    ],
  },
  {
    verb: 'auth whoami',
    // Before, kubectl asked for beta versions of the API only.
    since: 28,
    what: 'as text and as JSON, oneself and as another',
    steps: [
      ['auth whoami', /^ATTRIBUTE +VALUE\nUsername +\S+\nGroups +\[.*system:masters.*system:authenticated/],
      ['auth whoami -o json', /"kind": "SelfSubjectReview"/],
      ['auth whoami --as=ann --as-group=team -o jsonpath={.status.userInfo.username}', 'ann'],
    ],
  },
  {
    verb: 'auth reconcile',
    what: 'adds what is missing, and takes away the rest when told to',
    files: {
      'a.yaml': roles('["get", "list"]', 'ann'),
      'b.yaml': roles('["get"]', 'bob'),
    },
    steps: [
      [
        'auth reconcile -f a.yaml',
        /role\.rbac\.authorization\.k8s\.io\/r reconciled[\s\S]*rolebinding\.rbac\.authorization\.k8s\.io\/b reconciled/,
      ],
      ['auth reconcile -f b.yaml', /reconciled/],
      ['get rolebinding b -o jsonpath={.subjects[*].name}', 'ann bob'],
      ['get role r -o jsonpath={.rules[*].verbs}', '["get","list"]'],
      ['auth reconcile -f b.yaml --remove-extra-subjects --remove-extra-permissions', /reconciled/],
      ['get rolebinding b -o jsonpath={.subjects[*].name}', 'bob'],
      ['get role r -o jsonpath={.rules[*].verbs}', '["get"]'],
    ],
  },
  {
    verb: 'certificate approve',
    what: 'and the certificate is signed and is a login',
    run: async context => {
      const { key, request } = await certificateRequest('/O=team/CN=ann')
      const name = `ann-${context.version}`
      await context.run('create -f -', { input: signingRequest(name, request) })
      assert.match(await context.out(`get csr ${name}`), /kubernetes\.io\/kube-apiserver-client +\S+ +<none> +Pending$/m)
      assert.equal(await context.out(`certificate approve ${name}`), `certificatesigningrequest.certificates.k8s.io/${name} approved\n`)
      await context.run(`wait csr ${name} --for=jsonpath={.status.conditions[0].type}=Approved --timeout=10s`)
      await context.until(`get csr ${name}`, /Approved,Issued/)
      const signed = await context.out(`get csr ${name} -o jsonpath={.status.certificate}`)
      await context.write('key', key)
      await context.write('certificate', Buffer.from(signed, 'base64').toString())
      const server = await context.out('config view -o jsonpath={.clusters[0].cluster.server}')
      const login = `--server=${server} --insecure-skip-tls-verify --client-key=key --client-certificate=certificate`
      const { stderr } = await context.run(`get pods ${login}`, { code: 1, env: { KUBECONFIG: '/dev/null' } })
      assert.match(stderr, /User "ann" cannot list resource "pods"/)
    },
  },
  {
    verb: 'certificate deny',
    what: 'and it is not signed',
    run: async context => {
      const name = `bob-${context.version}`
      await context.run('create -f -', { input: signingRequest(name, (await certificateRequest('/CN=bob')).request) })
      assert.match(await context.out(`certificate deny ${name}`), /denied/)
      assert.match(await context.out(`get csr ${name}`), /Denied$/m)
      assert.match((await context.run(`certificate approve ${name}`, { code: 1 })).stderr, /Denied|denied/)
    },
  },
]

function roles(verbs: string, user: string): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: r, namespace: '{ns}' }
rules: [{ apiGroups: [''], resources: [pods], verbs: ${verbs} }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: b, namespace: '{ns}' }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: r }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: ${user} }]
`
}

function signingRequest(name: string, request: string): string {
  return `apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: ${name} }
spec: { request: ${Buffer.from(request).toString('base64')}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth] }
`
}
