/** What each version's cases look at: `box`, a pod of two shells that end at once when told to, and `web`, two nginx behind a Service. */
export const FIXTURES = `apiVersion: v1
kind: Pod
metadata: { name: box, labels: { app: box } }
spec:
  containers:
    - name: main
      image: busybox:1.36
      command: [sh, -c, "trap 'exit 0' TERM; echo one; echo two; echo three; while :; do sleep 0.2; done"]
    - name: side
      image: busybox:1.36
      command: [sh, -c, "trap 'exit 0' TERM; echo aside; while :; do sleep 0.2; done"]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: nginx
          image: nginx:1.25
          ports: [{ containerPort: 80, name: http }]
          readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web, labels: { app: web } }
spec:
  selector: { app: web }
  ports: [{ port: 80 }]
`

/** A Deployment whose pods run: nginx, ready once it listens. */
export function deployment(name: string, { replicas = 1, image = 'nginx:1.25' } = {}): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: main
          image: ${image}
`
}

/** A ConfigMap with one value. */
export function configMap(name: string, value: string, metadata = ''): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}${metadata && `, ${metadata}`} }
data: { key: ${value} }
`
}

/** A pod of a shell that runs until it is told to end, or to the end of `script`. */
export function shellPod(
  name: string,
  script = "trap 'exit 0' TERM; while :; do sleep 0.2; done",
  { spec = '', labels = '' } = {},
): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name}${labels && `, ${labels}`} } }
spec:
  ${spec}
  containers: [{ name: main, image: 'busybox:1.36', command: [sh, -c, ${JSON.stringify(script)}] }]
`
}
