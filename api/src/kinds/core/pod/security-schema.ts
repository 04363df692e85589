import { once } from '../../../once.ts'
import { boolean, field, int64, int64s, list, object, oneOf, required, string, strings } from '../../../schema/fields.ts'

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'] as const

const seLinuxOptions = once(() =>
  object('SELinuxOptions', 'SELinux context of a container.', {
    user: string('SELinux user label.'),
    role: string('SELinux role label.'),
    type: string('SELinux type label.'),
    level: string('SELinux level label.'),
  }),
)

const windowsOptions = once(() =>
  object('WindowsSecurityContextOptions', 'Settings that matter only on Windows nodes.', {
    gmsaCredentialSpecName: string('Name of the group-managed service account credential spec.'),
    gmsaCredentialSpec: string('Contents of the credential spec; filled in by its admission webhook.'),
    runAsUserName: string('Windows user the process runs as.'),
    hostProcess: boolean('Whether the container runs as a host process.'),
  }),
)

const seccompProfile = once(() =>
  object('SeccompProfile', 'Which system calls are allowed.', {
    type: required(oneOf(PROFILE_TYPES, "The runtime's own profile, none at all, or a file on the node.")),
    localhostProfile: string("Path of the profile below the node's seccomp directory; only with type Localhost."),
  }),
)

const appArmorProfile = once(() =>
  object('AppArmorProfile', 'Which AppArmor profile confines the process.', {
    type: required(oneOf(PROFILE_TYPES, "The runtime's own profile, none at all, or one loaded on the node.")),
    localhostProfile: string('Name of a profile loaded on the node; only with type Localhost.'),
  }),
)

export const podSecurityContextSchema = once(() =>
  object('PodSecurityContext', 'Rights and identity common to all containers of the pod.', {
    seLinuxOptions: field(seLinuxOptions(), 'SELinux context of all containers.'),
    windowsOptions: field(windowsOptions(), 'Windows settings of all containers.'),
    runAsUser: int64("User id the processes run as; otherwise the image's."),
    runAsGroup: int64("Primary group id of the processes; otherwise the runtime's default."),
    runAsNonRoot: boolean('Refuse to start a container that would run as user 0.'),
    supplementalGroups: int64s('Further group ids of the first process in each container.'),
    supplementalGroupsPolicy: oneOf(
      ['Merge', 'Strict'],
      "Whether groups of the image's /etc/group are added (Merge, the default) or not (Strict).",
    ),
    fsGroup: int64('Group id that owns the volumes and is added to the processes.'),
    sysctls: list(
      object('Sysctl', 'A kernel parameter to set.', {
        name: required(string('Name of the parameter.')),
        value: required(string('Value to set.')),
      }),
      'Namespaced kernel parameters of the pod.',
    ),
    fsGroupChangePolicy: oneOf(['OnRootMismatch', 'Always'], "When a volume's ownership is changed to fsGroup; Always by default."),
    seccompProfile: field(seccompProfile(), 'Seccomp profile of all containers.'),
    appArmorProfile: field(appArmorProfile(), 'AppArmor profile of all containers.'),
    seLinuxChangePolicy: oneOf(['MountOption', 'Recursive'], 'How SELinux labels get onto volumes.'),
  }),
)

export const securityContextSchema = once(() =>
  object('SecurityContext', "Rights and identity of one container; goes before the pod's.", {
    capabilities: field(
      object('Capabilities', "Changes to the runtime's default capabilities.", {
        add: strings('Capabilities to add.'),
        drop: strings('Capabilities to take away.'),
      }),
      'Linux capabilities to add and drop.',
    ),
    privileged: boolean('Run with all rights on the host.'),
    seLinuxOptions: field(seLinuxOptions(), 'SELinux context of the container.'),
    windowsOptions: field(windowsOptions(), 'Windows settings of the container.'),
    runAsUser: int64("User id the process runs as; otherwise the image's."),
    runAsGroup: int64("Primary group id of the process; otherwise the runtime's default."),
    runAsNonRoot: boolean('Refuse to start if the process would run as user 0.'),
    readOnlyRootFilesystem: boolean("Whether the container's root filesystem is read-only."),
    allowPrivilegeEscalation: boolean('Whether a process may gain more rights than its parent.'),
    procMount: oneOf(['Default', 'Unmasked'], 'How /proc is mounted.'),
    seccompProfile: field(seccompProfile(), 'Seccomp profile of the container.'),
    appArmorProfile: field(appArmorProfile(), 'AppArmor profile of the container.'),
  }),
)
