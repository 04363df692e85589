import type { ResourceType } from '../session/index.ts'
import { descriptionsOf, objectOf, type Schema, type SchemaDocument, typeName } from './open-api.ts'

const WIDTH = 76
const DEPTH_MAX = 30

/** Group, kind and version: how every explanation begins. */
export function explainHead({ group, kind, version }: ResourceType): string {
  return `${group ? `GROUP:      ${group}\n` : ''}KIND:       ${kind}\nVERSION:    ${version}\n\n`
}

/** What kubectl's `explain` prints below the head. Throws when the path leads nowhere. */
export function explainField(document: SchemaDocument, path: readonly string[], recursive: boolean): string {
  const schema = schemaAt(document, path)
  let text = ''
  const name = path.at(-1)
  if (name !== undefined) text += `FIELD: ${name} <${typeName(schema)}>\n${enumBlock(schema)}\n`
  const descriptions = descriptionsOf(schema, document)
  text += `DESCRIPTION:\n${(descriptions.length > 0 ? descriptions : ['<empty>']).map(one => wrap(one, '    ')).join('')}    \n`
  const object = objectOf(schema, document)
  if (object?.properties) text += `FIELDS:\n${fieldLines(object, { document, recursive, indent: '  ', seen: [] })}`
  return `${text}\n`
}

function schemaAt(document: SchemaDocument, path: readonly string[]): Schema {
  let schema = document.root
  for (const name of path) {
    const next = objectOf(schema, document)?.properties?.[name]
    if (!next) throw new Error(`field "${name}" does not exist`)
    schema = next
  }
  return schema
}

function enumBlock({ enum: values }: Schema): string {
  return values ? `ENUM:\n${values.map(value => `    ${enumValue(value)}\n`).join('')}` : '\n'
}

const ENUM_SHOWN_MAX = 4

function enumList(values: readonly unknown[]): string {
  const shown = values.slice(0, ENUM_SHOWN_MAX).map(enumValue).join(', ')
  return values.length > ENUM_SHOWN_MAX ? `${shown}, ....` : shown
}

function enumValue(value: unknown): string {
  return value === '' ? '""' : String(value)
}

interface Listing {
  document: SchemaDocument
  recursive: boolean
  indent: string
  /** Objects above this one: a schema may hold itself. */
  seen: readonly Schema[]
}

function fieldLines(object: Schema, { document, recursive, indent, seen }: Listing): string {
  const { properties = {}, required = [] } = object
  let text = ''
  for (const name of Object.keys(properties).sort()) {
    const schema = properties[name]!
    text += `${indent}${name}\t<${typeName(schema)}>${required.includes(name) ? ' -required-' : ''}\n`
    if (schema.enum) text += `${indent}enum: ${enumList(schema.enum)}\n`
    if (!recursive) {
      const [description = '<no description>'] = descriptionsOf(schema, document)
      text += `${wrap(description, `${indent}  `)}\n`
      continue
    }
    const inner = objectOf(schema, document)
    const isOpen = inner?.properties && !seen.includes(inner) && seen.length < DEPTH_MAX
    if (isOpen) text += fieldLines(inner, { document, recursive, indent: `${indent}  `, seen: [...seen, object] })
  }
  return text
}

/** Lines of at most 80 columns; breaks in the text stay. */
function wrap(text: string, indent: string): string {
  let lines = ''
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > WIDTH) {
        lines += `${indent}${line}\n`
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines += `${indent}${line}\n`
  }
  return lines
}
