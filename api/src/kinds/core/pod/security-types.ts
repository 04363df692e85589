/** Under whose rights a pod's processes run. */

export interface PodSecurityContext {
  seLinuxOptions?: SeLinuxOptions
  windowsOptions?: WindowsSecurityContextOptions
  runAsUser?: number
  runAsGroup?: number
  runAsNonRoot?: boolean
  supplementalGroups?: number[]
  supplementalGroupsPolicy?: 'Merge' | 'Strict'
  fsGroup?: number
  sysctls?: { name: string; value: string }[]
  fsGroupChangePolicy?: 'OnRootMismatch' | 'Always'
  seccompProfile?: SeccompProfile
  appArmorProfile?: AppArmorProfile
  seLinuxChangePolicy?: 'Recursive' | 'MountOption'
}

export interface SecurityContext {
  capabilities?: { add?: string[]; drop?: string[] }
  privileged?: boolean
  seLinuxOptions?: SeLinuxOptions
  windowsOptions?: WindowsSecurityContextOptions
  runAsUser?: number
  runAsGroup?: number
  runAsNonRoot?: boolean
  readOnlyRootFilesystem?: boolean
  allowPrivilegeEscalation?: boolean
  procMount?: 'Default' | 'Unmasked'
  seccompProfile?: SeccompProfile
  appArmorProfile?: AppArmorProfile
}

export interface SeLinuxOptions {
  user?: string
  role?: string
  type?: string
  level?: string
}

export interface WindowsSecurityContextOptions {
  gmsaCredentialSpecName?: string
  gmsaCredentialSpec?: string
  runAsUserName?: string
  hostProcess?: boolean
}

export interface SeccompProfile {
  type: 'RuntimeDefault' | 'Unconfined' | 'Localhost'
  localhostProfile?: string
}

export interface AppArmorProfile {
  type: 'RuntimeDefault' | 'Unconfined' | 'Localhost'
  localhostProfile?: string
}
