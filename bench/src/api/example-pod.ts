import type { Pod } from '@davit/api'

export const NAMESPACE = 'default'

/** A usual pod. No scheduler answers to the name in it, so it stays as it is. */
export function examplePod(name: string): Pod {
  const container = {
    name: 'web',
    image: 'nginx:1.25',
    ports: [{ containerPort: 80 }],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
    readinessProbe: { httpGet: { path: '/', port: 80 } },
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: 'bench' } },
    spec: { schedulerName: 'nobody', containers: [container] },
  }
}

export const podPath = (name: string): string => `/api/v1/namespaces/${NAMESPACE}/pods/${name}`
