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

interface Policy {
  /** Whether it judges or changes. */
  readonly does: 'Mutating' | 'Validating'
  readonly spec: object
  readonly binding?: object
}

/** A policy about the Deployments of the case's namespace, for the time of `use`. */
async function withPolicy(context: ApiContext, { does, spec, binding }: Policy, use: () => Promise<void>): Promise<void> {
  const name = context.namespace
  const made = (kind: string) => ({
    kind: kindNamed(`${GROUP}/${kind}`) as Kind<Observed>,
    resource: context.resource(kindNamed(`${GROUP}/${kind}`)),
    make: (spec: object) => ({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec }),
  })
  const [policies, bindings] = [made(`${does}AdmissionPolicy`), made(`${does}AdmissionPolicyBinding`)]
  const rule = { operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': context.namespace } }
  await policies.resource.create(policies.make({ matchConstraints: { resourceRules: [rule], namespaceSelector }, ...spec }))
  try {
    // Whoever writes a validating policy waits for its controller to say that it knows this generation.
    const observed = (what: string, generation: number) =>
      context.cluster.until(policies.kind, `${what} of policy ${name} to be observed`, all =>
        all.some(
          ({ metadata, status }) =>
            metadata.name === name && metadata.generation === generation && status?.observedGeneration === generation,
        ),
      )
    if (does === 'Validating') {
      await observed('the first generation', 1)
      const matchConditions = [{ name: 'always', expression: 'true' }]
      await policies.resource.patch({ name }, { type: 'merge', body: { spec: { matchConditions } } })
      await observed('the change', 2)
    }
    await bindings.resource.create(bindings.make({ policyName: name, ...binding }))
    await use()
  } finally {
    await bindings.resource.delete({ name }).catch(() => {})
    await policies.resource.delete({ name })
  }
}

const judged = (spec: object): Policy => ({ does: 'Validating', spec, binding: { validationActions: ['Deny'] } })
const changed = (...mutations: object[]): Policy => ({ does: 'Mutating', spec: { mutations, reinvocationPolicy: 'Never' } })

async function deploy(context: ApiContext, name: string, replicas: number) {
  const labels = { app: 'judged' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } }
  return context.resource(deploymentKind).create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: context.named(name),
    spec: { replicas, selector: { matchLabels: labels }, template },
  })
}

async function assertReplicas(context: ApiContext): Promise<void> {
  await deploy(context, 'few', 0)
  await assert.rejects(deploy(context, 'many', 2), { code: 422, message: /denied request: failed expression: / })
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
    run: context =>
      withPolicy(context, judged({ validations: [{ expression: 'object.spec.replicas <= 1' }] }), () => assertReplicas(context)),
  },
  {
    row: 'Policy expressions can reference declared variables',
    run: context => {
      const variables = [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'few', expression: 'variables.replicas <= 1' },
      ]
      return withPolicy(context, judged({ variables, validations: [{ expression: 'variables.few' }] }), () => assertReplicas(context))
    },
  },
  {
    row: 'A bound MutatingAdmissionPolicy changes a Deployment through its CEL expression',
    run: context => {
      const expression = 'Object{spec: Object.spec{replicas: object.spec.replicas - 2}}'
      return withPolicy(context, changed({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }), async () => {
        const { spec } = await deploy(context, 'changed', 2)
        assert.equal(spec?.replicas, 0)
      })
    },
  },
  {
    row: 'A bound MutatingAdmissionPolicy adds annotations to a Deployment',
    run: context => {
      const applied = 'Object{metadata: Object.metadata{annotations: {"example.com/applied": object.metadata.name}}}'
      const path = '"/metadata/annotations/" + jsonpatch.escapeKey("example.com/patched")'
      const patched = `[JSONPatch{op: "add", path: ${path}, value: "yes"}]`
      const policy = changed(
        { patchType: 'ApplyConfiguration', applyConfiguration: { expression: applied } },
        { patchType: 'JSONPatch', jsonPatch: { expression: patched } },
      )
      return withPolicy(context, policy, async () => {
        const { annotations } = (await deploy(context, 'annotated', 0)).metadata
        assert.equal(annotations?.['example.com/applied'], 'annotated')
        assert.equal(annotations?.['example.com/patched'], 'yes')
      })
    },
  },
]
