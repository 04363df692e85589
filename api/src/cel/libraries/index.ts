/** Functions that Kubernetes has besides CEL's own. Not here: `semver`, and macros with two variables. */
import type { Environment } from '@marcbachmann/cel-js'
import { withAuthorizer } from './authorizer.ts'
import { withFormats } from './formats.ts'
import { withJsonPatch } from './json-patch.ts'
import { withLists } from './lists.ts'
import { withNetwork } from './network.ts'
import { withQuantities } from './quantities.ts'
import { withStrings } from './strings.ts'
import { withUrls } from './urls.ts'

/** Adds them all. */
export function withLibraries(environment: Environment): Environment {
  const libraries = [withStrings, withLists, withQuantities, withNetwork, withUrls, withFormats, withAuthorizer, withJsonPatch]
  return libraries.reduce((made, withLibrary) => withLibrary(made), environment)
}
