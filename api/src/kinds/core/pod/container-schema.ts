import { once } from '../../../once.ts'
import {
  boolean,
  field,
  int32,
  int64,
  intOrString,
  list,
  object,
  oneOf,
  quantityMap,
  required,
  string,
  strings,
} from '../../../schema/fields.ts'
import { configMapKey, fieldRef, resourceFieldRef, secretKey } from './reference-schema.ts'
import { securityContextSchema } from './security-schema.ts'

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'] as const

const execAction = once(() =>
  object('ExecAction', 'A command run in the container.', {
    command: strings('Program and arguments; no shell is involved. Exit code 0 is success.'),
  }),
)

const httpGetAction = once(() =>
  object('HTTPGetAction', 'An HTTP GET request.', {
    path: string('Path to ask for.'),
    port: required(intOrString('Number or name of the port.')),
    host: string("Host to ask; the pod's address by default."),
    scheme: oneOf(['HTTP', 'HTTPS'], 'HTTP by default.'),
    httpHeaders: list(
      object('HTTPHeader', 'A header of the request.', {
        name: required(string('Name of the header.')),
        value: required(string('Value of the header.')),
      }),
      'Headers to send; a name may stand more than once.',
    ),
  }),
)

const tcpSocketAction = once(() =>
  object('TCPSocketAction', 'A TCP connection that must open.', {
    port: required(intOrString('Number or name of the port.')),
    host: string("Host to connect to; the pod's address by default."),
  }),
)

const probe = once(() =>
  object('Probe', 'A check that is made again and again. Exactly one handler is set.', {
    exec: field(execAction(), 'Run a command.'),
    httpGet: field(httpGetAction(), 'Ask by HTTP; codes 200 to 399 are success.'),
    tcpSocket: field(tcpSocketAction(), 'Open a connection.'),
    grpc: field(
      object('GRPCAction', 'A gRPC health check.', {
        port: required(int32('Number of the port.')),
        service: string('Service to ask about.'),
      }),
      'Ask by gRPC.',
    ),
    initialDelaySeconds: int32('Seconds to wait after the container has started.'),
    timeoutSeconds: int32('Seconds after which a check has failed; 1 by default.'),
    periodSeconds: int32('Seconds between checks; 10 by default.'),
    successThreshold: int32('Successes in a row that count as success after a failure; 1 by default, and always for liveness and startup.'),
    failureThreshold: int32('Failures in a row that count as failure after a success; 3 by default.'),
    terminationGracePeriodSeconds: int64("Grace given when this probe ends the container; otherwise the pod's. Not for readiness."),
  }),
)

const lifecycleHandler = once(() =>
  object('LifecycleHandler', 'What to do at a turn of the life of a container. Exactly one is set.', {
    exec: field(execAction(), 'Run a command.'),
    httpGet: field(httpGetAction(), 'Ask by HTTP.'),
    tcpSocket: field(tcpSocketAction(), 'Deprecated; has no effect.'),
    sleep: field(object('SleepAction', 'A pause.', { seconds: required(int64('How long.')) }), 'Wait for some time.'),
  }),
)

const envVar = once(() =>
  object('EnvVar', 'An environment variable.', {
    name: required(string('Name of the variable.')),
    value: string('Value; $(NAME) refers to variables defined before, $$ is a dollar sign.'),
    valueFrom: field(
      object('EnvVarSource', 'Where the value comes from. Exactly one is set.', {
        fieldRef: field(fieldRef(), 'A field of the pod.'),
        resourceFieldRef: field(resourceFieldRef(), "The container's limit or request."),
        configMapKeyRef: field(configMapKey(), 'A key of a ConfigMap.'),
        secretKeyRef: field(secretKey(), 'A key of a Secret.'),
      }),
      'Source of the value; not together with value.',
    ),
  }),
)

const envFromRef = (component: string, kind: string) =>
  field(
    object(component, `All keys of a ${kind}.`, {
      name: string(`Name of the ${kind}.`),
      optional: boolean(`Whether the ${kind} may be missing.`),
    }),
    `A ${kind}.`,
  )

export const resourceRequirementsSchema = once(() =>
  object('ResourceRequirements', 'How much of the node a container needs and may use.', {
    limits: quantityMap('Most it may use.'),
    requests: quantityMap('Least that is set aside for it; equal to the limits if only these are given.'),
    claims: list(
      object('ResourceClaim', "One of the pod's resource claims.", {
        name: required(string('Name of an entry in spec.resourceClaims.')),
        request: string('Name of a request in the claim; all of it if empty.'),
      }),
      'Resource claims the container uses.',
      { listType: 'map', listMapKeys: ['name'] },
    ),
  }),
)

const volumeMountsField = () =>
  list(
    object('VolumeMount', 'A volume mounted into the container.', {
      name: required(string('Name of the volume.')),
      readOnly: boolean('Mount read-only.'),
      recursiveReadOnly: oneOf(['Disabled', 'Enabled', 'IfPossible'], 'Whether mounts below it become read-only too.'),
      mountPath: required(string("Path in the container; without ':'.")),
      subPath: string('Path within the volume to mount; its root by default.'),
      mountPropagation: oneOf(
        ['Bidirectional', 'HostToContainer', 'None'],
        'Whether later mounts are seen on the other side; None by default.',
      ),
      subPathExpr: string('Like subPath, with $(NAME) replaced from the environment. Not together with subPath.'),
    }),
    'Volumes to mount.',
    { mergeKey: 'mountPath' },
  )

const portsField = () =>
  list(
    object('ContainerPort', 'A port the container listens on.', {
      name: string('Name by which Services and probes refer to it; unique in the pod.'),
      hostPort: int32("Port of the node that leads here; with hostNetwork the container's own."),
      containerPort: required(int32('The port, 1 to 65535.')),
      protocol: oneOf(PROTOCOLS, 'TCP by default.').meta({ default: 'TCP' }),
      hostIP: string('Address of the node to bind hostPort to; all by default.'),
    }),
    'Ports the container listens on; for information, except for names and hostPort.',
    { mergeKey: 'containerPort', listMapKeys: ['containerPort', 'protocol'] },
  )

function containerFields() {
  return {
    name: required(string('Name of the container; a DNS label, unique in the pod. Cannot be changed.')),
    image: string('Image to run.'),
    command: strings("Program to run instead of the image's entry point; $(NAME) is replaced from the environment."),
    args: strings("Arguments instead of the image's; $(NAME) is replaced from the environment."),
    workingDir: string("Directory to start in; the image's by default."),
    ports: portsField(),
    envFrom: list(
      object('EnvFromSource', 'Variables from all keys of an object.', {
        prefix: string('Put before every key.'),
        configMapRef: envFromRef('ConfigMapEnvSource', 'ConfigMap'),
        secretRef: envFromRef('SecretEnvSource', 'Secret'),
      }),
      'Objects whose keys become environment variables; env goes before them, a later one before an earlier.',
    ),
    env: list(envVar(), 'Environment variables.', { mergeKey: 'name' }),
    resources: field(resourceRequirementsSchema(), 'How much of the node it needs and may use.'),
    resizePolicy: list(
      object('ContainerResizePolicy', 'What a changed amount of a resource means for the running container.', {
        resourceName: required(string('cpu or memory.')),
        restartPolicy: required(oneOf(['NotRequired', 'RestartContainer'], 'Whether the container is restarted.')),
      }),
      'What a resize means for the running container.',
    ),
    restartPolicy: oneOf(['Always'], 'Always makes an init container a sidecar, which keeps running beside the others.'),
    volumeMounts: volumeMountsField(),
    volumeDevices: list(
      object('VolumeDevice', 'A raw block device in the container.', {
        name: required(string('Name of a volume that is a claim.')),
        devicePath: required(string('Path of the device in the container.')),
      }),
      'Block devices to map.',
      { mergeKey: 'devicePath' },
    ),
    livenessProbe: field(probe(), 'While it fails the container is restarted.'),
    readinessProbe: field(probe(), 'While it fails the pod gets no requests through Services.'),
    startupProbe: field(probe(), 'Until it succeeds the other probes wait.'),
    lifecycle: field(
      object('Lifecycle', 'What to do after start and before stop.', {
        postStart: field(lifecycleHandler(), 'Right after the container was created; if it fails the container is restarted.'),
        preStop: field(lifecycleHandler(), 'Before the container is asked to stop; counts against the grace period.'),
        stopSignal: string("Signal that asks the container to stop, such as SIGQUIT; the image's by default. Needs spec.os.name."),
      }),
      'What to do after start and before stop.',
    ),
    terminationMessagePath: string('File in the container that is read when it ends; /dev/termination-log by default.'),
    terminationMessagePolicy: oneOf(
      ['FallbackToLogsOnError', 'File'],
      'Whether the last log lines serve as message after a failure without one.',
    ),
    imagePullPolicy: oneOf(
      ['Always', 'IfNotPresent', 'Never'],
      'When the image is pulled: Always by default for the tag latest, otherwise IfNotPresent.',
    ),
    securityContext: field(securityContextSchema(), 'Rights and identity of the container.'),
    stdin: boolean('Keep a standard input open.'),
    stdinOnce: boolean('Close the standard input after the first client has left.'),
    tty: boolean('Give it a terminal; needs stdin.'),
  }
}

export const containerSchema = once(() => object('Container', 'A container of the pod.', containerFields()))

export const ephemeralContainerSchema = once(() =>
  object('EphemeralContainer', 'A container added to a running pod to look into it. It is never restarted, and has no ports or probes.', {
    ...containerFields(),
    targetContainerName: string('Container whose processes it sees.'),
  }),
)
