/** What judges writes: expressions of webhooks and policies. */
import assert from 'node:assert/strict'
import { deploymentKind, type Kind, type KubernetesObject } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import { kindNamed } from './kind-life.ts'

const GROUP = 'admissionregistration.k8s.io'

type Observed = KubernetesObject & { status?: { observedGeneration?: number } }

async function assertMustCompile(context: ApiContext, kind: 'Mutating' | 'Validating'): Promise<void> {
  const webhook = {
    name: 'wrong.example.com',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    matchConditions: [{ name: 'wrong', expression: 'nothing == 1' }],
  }
  const configuration = `${kind}WebhookConfiguration`
  const metadata = { name: context.namespace }
  const object = { apiVersion: `${GROUP}/v1`, kind: configuration, metadata, webhooks: [webhook] }
  await assert.rejects(context.resource(kindNamed(`${GROUP}/${configuration}`)).create(object), {
    code: 422,
    message:
      /matchConditions\[0\]\.expression: Invalid value: "nothing == 1": compilation failed: ERROR: <input>:1:1: undeclared reference/,
  })
}

/** A policy about the Deployments of the case's namespace, for the time of `use`. */
async function withPolicy(context: ApiContext, spec: object, use: () => Promise<void>): Promise<void> {
  const name = context.namespace
  const made = (kind: string) => ({
    kind: kindNamed(`${GROUP}/${kind}`) as Kind<Observed>,
    resource: context.resource(kindNamed(`${GROUP}/${kind}`)),
    make: (spec: object) => ({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec }),
  })
  const [policies, bindings] = [made('ValidatingAdmissionPolicy'), made('ValidatingAdmissionPolicyBinding')]
  const rule = { operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': context.namespace } }
  await policies.resource.create(policies.make({ matchConstraints: { resourceRules: [rule], namespaceSelector }, ...spec }))
  try {
    // Whoever writes a policy waits for its controller to say that it knows this generation.
    const observed = (what: string, generation: number) =>
      context.cluster.until(policies.kind, `${what} of policy ${name} to be observed`, all =>
        all.some(
          ({ metadata, status }) =>
            metadata.name === name && metadata.generation === generation && status?.observedGeneration === generation,
        ),
      )
    await observed('the first generation', 1)
    await policies.resource.patch(
      { name },
      { type: 'merge', body: { spec: { matchConditions: [{ name: 'always', expression: 'true' }] } } },
    )
    await observed('the change', 2)
    await bindings.resource.create(bindings.make({ policyName: name, validationActions: ['Deny'] }))
    await use()
  } finally {
    await bindings.resource.delete({ name }).catch(() => {})
    await policies.resource.delete({ name })
  }
}

async function assertReplicas(context: ApiContext): Promise<void> {
  const labels = { app: 'judged' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } }
  const deploy = (name: string, replicas: number) =>
    context.resource(deploymentKind).create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: context.named(name),
      spec: { replicas, selector: { matchLabels: labels }, template },
    })
  await deploy('few', 0)
  await assert.rejects(deploy('many', 2), { code: 422, message: /denied request: failed expression: / })
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'A mutating config with a matchCondition that does not compile as CEL is rejected with a compilation error',
    run: context => assertMustCompile(context, 'Mutating'),
  },
  {
    row: 'A validating config with a matchCondition that does not compile as CEL is rejected with a compilation error',
    run: context => assertMustCompile(context, 'Validating'),
  },
  {
    row: 'A bound policy evaluates its CEL rule against Deployments',
    run: context => withPolicy(context, { validations: [{ expression: 'object.spec.replicas <= 1' }] }, () => assertReplicas(context)),
  },
  {
    row: 'Policy expressions can reference declared variables',
    run: context => {
      const variables = [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'few', expression: 'variables.replicas <= 1' },
      ]
      return withPolicy(context, { variables, validations: [{ expression: 'variables.few' }] }, () => assertReplicas(context))
    },
  },
]
