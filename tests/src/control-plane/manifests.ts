/** Small manifests that are right, for tests to spoil. */

type Json = Record<string, unknown>

export interface DeploymentManifest extends Json {
  metadata: Json
  spec: Json & {
    selector: Json & { matchLabels: Record<string, string> }
    template: { metadata: Json; spec: Json & { containers: Json[] } }
  }
}

/** A good Deployment, after `change` had its way with it. */
export function deployment(change: (object: DeploymentManifest) => void = () => {}, name = 'web'): DeploymentManifest {
  const object: DeploymentManifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'nginx:1.25' }] } },
    },
  }
  change(object)
  return object
}

/** The Deployment's only container, changed. */
export function withContainer(fields: Json): DeploymentManifest {
  return deployment(({ spec }) => Object.assign(spec.template.spec.containers[0] as Json, fields))
}

export function configMap(name: string, data: Record<string, string> = {}): Json {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
}

export const PATHS = {
  deployments: '/apis/apps/v1/namespaces/default/deployments',
  configMaps: '/api/v1/namespaces/default/configmaps',
  pods: '/api/v1/namespaces/default/pods',
  services: '/api/v1/namespaces/default/services',
} as const
