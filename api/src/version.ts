declare const __DAVIT_VERSION__: string | undefined

/** Of the control plane, the agent and the CLI, which are released together. A bundle has its own built in. */
export const DAVIT_VERSION: string = typeof __DAVIT_VERSION__ === 'string' ? __DAVIT_VERSION__ : '0.1.0'

/** The Kubernetes API that is spoken, and by what; agents report it as `kubeletVersion`. */
export const KUBERNETES_VERSION = `v1.33.0+davit-${DAVIT_VERSION}`
