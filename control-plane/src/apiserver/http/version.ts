import { arch, version as nodeVersion, platform } from 'node:process'
import { KUBERNETES_VERSION } from '@davit/api'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' }

/** `/version`: which Kubernetes API this is, for clients that check; ours is in the build part. */
export const VERSION_INFO = {
  major: '1',
  minor: '33',
  gitVersion: KUBERNETES_VERSION,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node ${nodeVersion}`,
  compiler: 'node',
  platform: `${platform}/${ARCHITECTURES[arch] ?? arch}`,
} as const
