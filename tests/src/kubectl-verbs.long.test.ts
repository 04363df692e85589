/** Every verb of kubectl, old and new, on a cluster of real Docker hosts. */
import { describeVersions } from './kubectl/describe-versions.ts'
import { VERSIONS } from './kubectl/verbs.ts'

const only = process.env.DAVIT_KUBECTL_VERSION
describeVersions(only ? [Number(only)] : VERSIONS)
