export { runUpgrade, type UpgradeOptions } from './run-upgrade.ts'
