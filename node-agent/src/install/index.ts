export { type InstallOptions, install } from './install.ts'
export { LAYOUT } from './layout.ts'
export { findService, type Service } from './service.ts'
export { type UninstallOptions, uninstall } from './uninstall.ts'
