/** Names of OpenAPI components, as Kubernetes gives them. */
import { apiVersionOf, deleteOptionsSchema, describeSchema, describeZod, type Kind, type ObjectNode, type SchemaNode } from '@davit/api'
import { messageOf } from '@davit/api/protobuf'

/** What every group uses is in a package of its own. */
export const META_PREFIX = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
/** Groups whose Go packages are not in k8s.io/api. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
}

/** Names are given once for all groups: what is embedded keeps the name of the group that Kubernetes has it in. */
export class ComponentNames {
  readonly #names = new Map<object, string>()
  readonly #fields = new Map<string, string>()

  /** Core kinds come first, so that what no message is known of is named as core's. */
  constructor(kinds: readonly Kind[]) {
    const ordered = [...kinds].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''))
    // Kinds before what they hold, so that no nested object takes a kind's name.
    for (const kind of ordered) this.#give(describeSchema(kind), apiVersionOf(kind))
    for (const kind of ordered) {
      for (const field of Object.values(describeSchema(kind).fields)) this.#walk(field, apiVersionOf(kind))
    }
    this.#walk(describeZod(deleteOptionsSchema()), 'v1')
  }

  of(node: ObjectNode): string | undefined {
    return this.#names.get(node.fields)
  }

  #walk(node: SchemaNode, home: string): void {
    if (node.type === 'list') this.#walk(node.items, home)
    else if (node.type === 'map') this.#walk(node.values, home)
    else if (node.type === 'object' && this.#give(node, home)) {
      const inside = homeOf(node, home)
      for (const field of Object.values(node.fields)) this.#walk(field, inside)
    }
  }

  /** True when the node had no name before; nodes without a component are written in place, and walked each time. */
  #give(node: ObjectNode, home: string): boolean {
    if (!node.component) return true
    if (this.#names.has(node.fields)) return false
    const name = nameOf(node.component, homeOf(node, home))
    // One of the same fields is the same; another gets a name of its own.
    const fields = Object.keys(node.fields).sort().join()
    let free = name
    for (let n = 2; (this.#fields.get(free) ?? fields) !== fields; n++) free = `${name}${n}`
    this.#fields.set(free, fields)
    this.#names.set(node.fields, free)
    return true
  }
}

/** Where Kubernetes has the component; `home` when it is none of Kubernetes'. */
function homeOf({ component }: ObjectNode, home: string): string {
  return (component !== undefined && messageOf(component, home)?.home) || home
}

function nameOf(component: string, home: string): string {
  if (home === 'meta') return META_PREFIX + component
  const [group, version] = home.includes('/') ? home.split('/') : ['', home]
  return `${packageOf({ group: group ?? '', version: version ?? '' })}.${component}`
}

/** `io.k8s.api.core.v1`: Kubernetes' Go package, turned round. */
export function packageOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  if (Object.hasOwn(ELSEWHERE, group)) return `${ELSEWHERE[group]}.${version}`
  const name = group === '' ? 'core' : (group.split('.')[0] ?? group)
  return `io.k8s.api.${name}.${version}`
}
