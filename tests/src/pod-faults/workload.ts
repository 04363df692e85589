/** What runs while faults happen: every kind of container and volume, small. */
import type { TestCluster } from '../cluster.ts'

/** Notes a line in a file and says it, five times a second; the file tells where an earlier run of it was. */
const WRITER = `trap 'exit 0' TERM
line=$(cat /data/lines 2>/dev/null | wc -l)
while :; do line=$((line+1)); echo $line >>/data/lines; echo "line $line"; sleep 0.2 & wait $!; done`
const REST = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
const shell = (script: string) => JSON.stringify(['sh', '-c', script])

/** One pod with an init container, a sidecar, hooks, and a volume of each kind. */
export function wholePod(name: string, { node = 'node-1' } = {}): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 5
  initContainers:
    - { name: first, image: "busybox:1.36", command: ${shell('echo ready >/data/first')}, volumeMounts: [{ name: data, mountPath: /data }] }
    - { name: sidecar, image: "busybox:1.36", restartPolicy: Always, command: ${shell(REST)} }
  containers:
    - name: main
      image: busybox:1.36
      command: ${shell(WRITER)}
      lifecycle:
        postStart: { exec: { command: [sh, -c, "echo started >/data/hook"] } }
        preStop: { exec: { command: [sleep, "0.5"] } }
      readinessProbe: { exec: { command: [test, -e, /data/first] }, periodSeconds: 5 }
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: memory, mountPath: /memory }
        - { name: settings, mountPath: /settings }
        - { name: settings, mountPath: /one, subPath: key }
        - { name: secret, mountPath: /secret }
        - { name: self, mountPath: /self }
  volumes:
    - { name: data, emptyDir: {} }
    - { name: memory, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
    - { name: settings, configMap: { name: settings } }
    - { name: secret, secret: { secretName: settings } }
    - { name: self, downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }
`
}

/** One pod of one container. */
export function plainPod(name: string, script: string, { node = 'node-1', spec = '', container = '' } = {}): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  nodeName: ${node}
  ${spec}
  containers:
    - name: main
      image: busybox:1.36
      command: ${shell(script)}
      ${container}
`
}

export const restingPod = (name: string, options: Parameters<typeof plainPod>[2] = {}) => plainPod(name, REST, options)

export const SETTINGS = `apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { key: value }
---
apiVersion: v1
kind: Secret
metadata: { name: settings }
stringData: { password: secret }
`

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      nodeSelector: { kubernetes.io/hostname: node-1 }
      terminationGracePeriodSeconds: 2
      containers:
        - name: main
          image: busybox:1.36
          command: ${shell("trap 'exit 0' TERM; httpd -f -p 80 -h /tmp & wait")}
          readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 2 }
`

/** The apps of the workload. */
export const WORKLOAD: readonly string[] = ['whole', 'web']

/** Starts it all and waits until it runs. */
export async function startWorkload(cluster: TestCluster): Promise<void> {
  await cluster.apply([SETTINGS, wholePod('whole'), WEB].join('---\n'))
  await cluster.untilReady('whole', 1)
  await cluster.untilReady('web', 2)
}
