import { once } from '../../../once.ts'
import { boolean, field, int32, int64, int64s, list, object, oneOf, quantityMap, required, string, time } from '../../../schema/fields.ts'
import { resourceRequirementsSchema } from './container-schema.ts'

const containerState = once(() =>
  object('ContainerState', 'One of waiting, running, terminated; waiting if none is set.', {
    waiting: field(
      object('ContainerStateWaiting', 'Not started yet.', {
        reason: string('Why, in one word, such as ContainerCreating or CrashLoopBackOff.'),
        message: string('Why, in a sentence.'),
      }),
      'It waits to be started.',
    ),
    running: field(object('ContainerStateRunning', 'Running.', { startedAt: time('Since when.') }), 'It runs.'),
    terminated: field(
      object('ContainerStateTerminated', 'Ended.', {
        exitCode: required(int32('Exit code of its first process.')),
        signal: int32('Signal that ended it.'),
        reason: string('Why, in one word, such as Completed, Error or OOMKilled.'),
        message: string('Its last words.'),
        startedAt: time('When it had started.'),
        finishedAt: time('When it ended.'),
        containerID: string('Id of the ended container, as docker://<id>.'),
      }),
      'It has ended.',
    ),
  }),
)

const containerUser = () =>
  object('ContainerUser', 'Whose rights the first process got.', {
    linux: field(
      object('LinuxContainerUser', 'Ids on Linux.', {
        uid: required(int64('User id.')),
        gid: required(int64('Primary group id.')),
        supplementalGroups: int64s('Further group ids.'),
      }),
      'Ids on Linux.',
    ),
  })

const containerStatus = once(() =>
  object('ContainerStatus', 'What became of a container.', {
    name: required(string('Name of the container.')),
    state: field(containerState(), 'What it does now.'),
    lastState: field(containerState(), 'How it ended last time.'),
    ready: required(boolean('Whether it passes its readiness probe, or, without one, runs.')),
    restartCount: required(int32('How often it was started again.')),
    image: required(string('Image it runs, as asked for.')),
    imageID: required(string('Image it runs, by digest.')),
    containerID: string('Id of the container, as docker://<id>.'),
    started: boolean('Whether its startup probe and postStart hook have passed.'),
    allocatedResources: quantityMap('Requests the node has granted.'),
    resources: field(resourceRequirementsSchema(), 'Requests and limits in force.'),
    volumeMounts: list(
      object('VolumeMountStatus', 'A mounted volume.', {
        name: required(string('Name of the volume.')),
        mountPath: required(string('Where it is mounted.')),
        readOnly: boolean('Whether it is read-only.'),
        recursiveReadOnly: string('Whether mounts below are read-only too.'),
      }),
      'Mounted volumes.',
      { mergeKey: 'mountPath' },
    ),
    user: field(containerUser(), 'Whose rights it got.'),
  }),
)

const podCondition = () =>
  object('PodCondition', 'A fact about the pod.', {
    type: required(string('What it is about: PodScheduled, Initialized, ContainersReady, Ready, …')),
    status: required(string('True, False or Unknown.')),
    observedGeneration: int64('Generation of the pod it was judged by.'),
    lastProbeTime: time('When it was last checked.'),
    lastTransitionTime: time('When the status last changed.'),
    reason: string('Why, in one word.'),
    message: string('Why, in a sentence.'),
  })

const address = (component: string) => object(component, 'An address.', { ip: required(string('The address.')) })

const containerStatuses = (description: string) => list(containerStatus(), description)

export const podStatusSchema = once(() =>
  object('PodStatus', 'What became of the pod, as its node last said.', {
    observedGeneration: int64('Generation of the pod that the node has acted on.'),
    phase: oneOf(['Failed', 'Pending', 'Running', 'Succeeded', 'Unknown'], 'Where in its life the pod is, roughly.'),
    conditions: list(podCondition(), 'Facts about the pod.', { mergeKey: 'type' }),
    message: string('Why the pod is in this state, in a sentence.'),
    reason: string('Why the pod is in this state, in one word, such as Evicted.'),
    nominatedNodeName: string('Node on which others are being displaced for this pod.'),
    hostIP: string('Address of its node.'),
    hostIPs: list(address('HostIP'), 'Addresses of its node.', { mergeKey: 'ip', listType: 'atomic' }),
    podIP: string('Address of the pod.'),
    podIPs: list(address('PodIP'), 'Addresses of the pod, one for each family.', { mergeKey: 'ip' }),
    startTime: time('When its node took it over, before pulling any image.'),
    initContainerStatuses: containerStatuses('What became of the init containers.'),
    containerStatuses: containerStatuses('What became of the containers.'),
    ephemeralContainerStatuses: containerStatuses('What became of the ephemeral containers.'),
    qosClass: oneOf(
      ['BestEffort', 'Burstable', 'Guaranteed'],
      'How well the pod is treated when its node runs short, by its requests and limits.',
    ),
    resize: oneOf(['Deferred', 'InProgress', 'Infeasible', 'Proposed'], 'How far a resize has come.'),
    resourceClaimStatuses: list(
      object('PodResourceClaimStatus', 'What became of a resource claim.', {
        name: required(string('Name of the entry in spec.resourceClaims.')),
        resourceClaimName: string('ResourceClaim made for it.'),
      }),
      'What became of the resource claims.',
      { mergeKey: 'name', patchStrategy: 'merge,retainKeys' },
    ),
  }),
)
