/**
 * Kubernetes' rules for names, labels and keys. Each check gives undefined when the value is right, otherwise why it is
 * wrong, in the API server's own words.
 */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_VALUE = `(${QUALIFIED})?`
const CONFIG_KEY = '[-._a-zA-Z0-9]+'

const WILDCARD = `\\*\\.${SUBDOMAIN}`
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"

const LABEL_PATTERN = whole(LABEL)
const SUBDOMAIN_PATTERN = whole(SUBDOMAIN)
const WILDCARD_PATTERN = whole(WILDCARD)
const HTTP_PATH_PATTERN = whole(HTTP_PATH)
const LABEL_1035_PATTERN = whole(LABEL_1035)
const QUALIFIED_PATTERN = whole(QUALIFIED)
const LABEL_VALUE_PATTERN = whole(LABEL_VALUE)
const ENV_NAME_PATTERN = /^[ -<>-~]+$/
const CONFIG_KEY_PATTERN = whole(CONFIG_KEY)

const QUALIFIED_WORDS = withPattern(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED,
  ['MyName', 'my.name', '123-abc'],
)

/** RFC 1123 label: at most 63 of `a-z 0-9 -`. */
export function isDnsLabel(value: string): string | undefined {
  if (value.length > 63) return tooLong(63)
  if (LABEL_PATTERN.test(value)) return undefined
  if (SUBDOMAIN_PATTERN.test(value)) return 'must not contain dots'
  return withPattern(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    LABEL,
    ['my-name', '123-abc'],
  )
}

/** RFC 1123 subdomain: labels joined by dots, at most 253. */
export function isDnsSubdomain(value: string): string | undefined {
  if (value.length > 253) return tooLong(253)
  if (SUBDOMAIN_PATTERN.test(value)) return undefined
  return withPattern(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    SUBDOMAIN,
    ['example.com'],
  )
}

/** `*.` and an RFC 1123 subdomain. */
export function isWildcardSubdomain(value: string): string | undefined {
  if (value.length > 253) return tooLong(253)
  if (WILDCARD_PATTERN.test(value)) return undefined
  return withPattern(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    WILDCARD,
    ['*.example.com'],
  )
}

/** What names a program: a domain and a path, `example.com/name`. Gives the part that is wrong, and why. */
export function isDomainPrefixedPath(value: string): { part: string; why: string } | undefined {
  const [, domain, path] = /^([^/]+)\/(.+)$/s.exec(value) ?? []
  if (domain === undefined || path === undefined) return { part: value, why: 'must be a domain-prefixed path (such as "acme.io/foo")' }
  const why = isDnsSubdomain(domain)
  if (why !== undefined) return { part: domain, why }
  return HTTP_PATH_PATTERN.test(path) ? undefined : { part: path, why: withPattern('Invalid path', HTTP_PATH, []) }
}

/** RFC 1035 label, as names of Services must be: begins with a letter. */
export function isServiceName(value: string): string | undefined {
  if (value.length > 63) return tooLong(63)
  if (LABEL_1035_PATTERN.test(value)) return undefined
  return withPattern(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    LABEL_1035,
    ['my-name', 'abc-123'],
  )
}

/** A key of labels and annotations: `name` or `example.com/name`. */
export function isQualifiedName(value: string): string | undefined {
  const parts = value.split('/')
  if (parts.length > 2) {
    return `a qualified name ${QUALIFIED_WORDS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`
  }
  const name = parts[parts.length - 1] ?? ''
  if (parts.length === 2) {
    const prefix = parts[0] ?? ''
    if (!prefix) return 'prefix part must be non-empty'
    const wrong = isDnsSubdomain(prefix)
    if (wrong) return `prefix part ${wrong}`
  }
  if (!name) return 'name part must be non-empty'
  if (name.length > 63) return `name part ${tooLong(63)}`
  return QUALIFIED_PATTERN.test(name) ? undefined : `name part ${QUALIFIED_WORDS}`
}

export function isLabelValue(value: string): string | undefined {
  if (value.length > 63) return tooLong(63)
  if (LABEL_VALUE_PATTERN.test(value)) return undefined
  return withPattern(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    LABEL_VALUE,
    ['MyValue', 'my_value', '12345'],
  )
}

/** Any printable ASCII but `=`, as Kubernetes has it since 1.32. */
export function isEnvVarName(value: string): string | undefined {
  if (value === '') return 'environment variable name must be non-empty'
  if (ENV_NAME_PATTERN.test(value)) return undefined
  return "a valid environment variable name must consist only of printable ASCII characters other than '='"
}

/** A key of a ConfigMap or Secret; also a file name, so `..` is refused. */
export function isConfigMapKey(value: string): string | undefined {
  if (value.length > 253) return tooLong(253)
  if (!CONFIG_KEY_PATTERN.test(value)) {
    return withPattern("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", CONFIG_KEY, [
      'key.name',
      'KEY_NAME',
      'key-name',
    ])
  }
  if (value === '.') return "must not be '.'"
  if (value === '..') return "must not be '..'"
  return value.startsWith('..') ? "must not start with '..'" : undefined
}

/** IANA_SVC_NAME: what a named container port may be called. */
export function isPortName(value: string): string | undefined {
  if (value.length > 15) return tooLong(15)
  if (!/^[-a-z0-9]+$/.test(value)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
  if (!/[a-z]/.test(value)) return 'must contain at least one letter (a-z)'
  if (value.includes('--')) return 'must not contain consecutive hyphens'
  if (value.startsWith('-') || value.endsWith('-')) return 'must not begin or end with a hyphen'
  return undefined
}

/** Whatever can stand between two slashes of a URL: names of RBAC's objects, `system:node` among them. */
export function isPathSegment(value: string): string | undefined {
  if (value === '.' || value === '..') return `may not be '${value}'`
  for (const character of ['/', '%']) if (value.includes(character)) return `may not contain '${character}'`
  return undefined
}

const CONDITION_REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?'
const CONDITION_REASON_PATTERN = whole(CONDITION_REASON)

/** The reason of a condition: one word for programs. */
export function isConditionReason(value: string): string | undefined {
  if (CONDITION_REASON_PATTERN.test(value)) return undefined
  return withPattern(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
    CONDITION_REASON,
    ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'],
  )
}

/** Port numbers 1 to 65535. */
export function isPortNumber(value: number): string | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? undefined : 'must be between 1 and 65535, inclusive'
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`)
}

function tooLong(max: number): string {
  return `must be no more than ${max} bytes`
}

function withPattern(words: string, pattern: string, examples: readonly string[]): string {
  const shown = examples.length > 0 ? `e.g. ${examples.map(e => `'${e}', `).join(' or ')}` : ''
  return `${words} (${shown}regex used for validation is '${pattern}')`
}
