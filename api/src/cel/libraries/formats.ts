import { type Environment, Optional } from '@marcbachmann/cel-js'
import { isDnsLabel, isDnsSubdomain, isLabelValue, isQualifiedName, isServiceName } from '../../names.ts'
import { isOfFormat } from '../../text-formats.ts'
import { isUrl } from './urls.ts'

/** A form of text with a name: what is wrong with a text, undefined when nothing is. */
class Format {
  readonly check: (text: string) => string | undefined

  constructor(check: (text: string) => string | undefined) {
    this.check = check
  }
}

/** What `format.dns1123Label` and its like belong to. */
class Formats {}

const named = (why: string, isRight: (text: string) => boolean) => (text: string) => (isRight(text) ? undefined : why)
/** Where a name is made by adding to a prefix, the prefix may end in a dash. */
const prefix = (check: (text: string) => string | undefined) => (text: string) => check(text.replace(/-$/, 'a'))

const FORMATS: Readonly<Record<string, (text: string) => string | undefined>> = {
  dns1123Label: isDnsLabel,
  dns1123Subdomain: isDnsSubdomain,
  dns1035Label: isServiceName,
  qualifiedName: isQualifiedName,
  dns1123LabelPrefix: prefix(isDnsLabel),
  dns1123SubdomainPrefix: prefix(isDnsSubdomain),
  dns1035LabelPrefix: prefix(isServiceName),
  labelValue: isLabelValue,
  uri: named('invalid URI for request', isUrl),
  uuid: named('does not match the UUID format', text => isOfFormat('uuid', text)),
  byte: named('invalid base64', text => isOfFormat('byte', text)),
  date: named('invalid date', text => isOfFormat('date', text)),
  datetime: named('invalid datetime', text => isOfFormat('datetime', text)),
}

/** `format.dns1123Label().validate(text)`, and `format.named('dns1123Label')`. */
export function withFormats(environment: Environment): Environment {
  const type = 'kubernetes.NamedFormat'
  const all = 'kubernetes.Formats'
  environment
    .registerType(type, { ctor: Format, fields: {} })
    .registerType(all, { ctor: Formats, fields: {} })
    .registerConstant('format', all, new Formats())
    .registerFunction(`${type}.validate(string): optional<list<string>>`, ({ check }: Format, text: string) => {
      const wrong = check(text)
      return wrong === undefined ? Optional.none() : Optional.of([wrong])
    })
    .registerFunction(`${all}.named(string): optional<${type}>`, (_: Formats, name: string) => {
      const check = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined
      return check ? Optional.of(new Format(check)) : Optional.none()
    })
  for (const [name, check] of Object.entries(FORMATS)) {
    const format = new Format(check)
    environment.registerFunction(`${all}.${name}(): ${type}`, () => format)
  }
  return environment
}
