import { readFile } from 'node:fs/promises'
import { type AnyObject, objectLabel } from '../session/index.ts'
import { parseCustomColumns, parseCustomColumnsFile, printCustomColumns } from './custom-columns.ts'
import { toJson } from './json.ts'
import { renderJsonPath, valuesAtPath } from './json-path.ts'
import { toYaml } from './yaml.ts'

export interface ObjectPrinter {
  /** Objects as one text. With `asList` several, or none, are wrapped in a List where the form has one. */
  print(objects: readonly AnyObject[], options?: { asList?: boolean }): string
}

export interface PrinterOptions {
  noHeaders?: boolean
  showManagedFields?: boolean
  /** Value of --template. */
  template?: string
}

const FORMS = 'custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml'

/** For `-o`; undefined for `wide` and when nothing was asked, which are tables. Throws for forms there are not. */
export async function createObjectPrinter(output: string | undefined, options: PrinterOptions = {}): Promise<ObjectPrinter | undefined> {
  if (!output || output === 'wide') return undefined
  const at = output.indexOf('=')
  const form = at < 0 ? output : output.slice(0, at)
  const argument = at < 0 ? options.template : output.slice(at + 1)
  const wrapped = (objects: readonly AnyObject[], asList = false) =>
    wrap(
      objects.map(object => clean(object, options)),
      asList,
    )
  switch (form) {
    case 'json':
      return { print: (objects, { asList } = {}) => wrapped(objects, asList).map(toJson).join('') }
    case 'yaml':
      return { print: (objects, { asList } = {}) => wrapped(objects, asList).map(toYaml).join('---\n') }
    case 'name':
      return { print: objects => objects.map(object => `${nameOf(object)}\n`).join('') }
    case 'jsonpath':
    case 'jsonpath-file':
    case 'jsonpath-as-json': {
      const template = form === 'jsonpath-file' ? (await readTemplate(argument)).trimEnd() : argument
      if (!template) throw new Error('template format specified but no template given')
      const render = form === 'jsonpath-as-json' ? (data: unknown) => toJson(valuesAtPath(template, data)) : jsonPathRenderer(template)
      return { print: (objects, { asList } = {}) => wrapped(objects, asList).map(render).join('') }
    }
    case 'custom-columns':
    case 'custom-columns-file': {
      const columns = form === 'custom-columns' ? parseCustomColumns(argument ?? '') : parseCustomColumnsFile(await readTemplate(argument))
      return { print: objects => printCustomColumns(columns, objects, options) }
    }
    default:
      throw new Error(`unable to match a printer suitable for the output format "${output}", allowed formats are: ${FORMS}`)
  }
}

function jsonPathRenderer(template: string): (data: unknown) => string {
  const whole = template.includes('{') ? template : `{${template.startsWith('.') || template.startsWith('$') ? template : `.${template}`}}`
  return data => {
    try {
      return renderJsonPath(whole, data)
    } catch (err) {
      throw new Error(`error executing jsonpath ${JSON.stringify(template)}: ${(err as Error).message}`)
    }
  }
}

async function readTemplate(path: string | undefined): Promise<string> {
  if (!path) throw new Error('template format specified but no template given')
  return readFile(path, 'utf8').catch((err: Error) => {
    throw new Error(`error reading template ${path}, ${err.message}`)
  })
}

/** Several objects are one List, as kubectl prints them. */
function wrap(objects: readonly AnyObject[], asList: boolean): unknown[] {
  return asList ? [{ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: objects }] : [...objects]
}

function clean(object: AnyObject, { showManagedFields }: PrinterOptions): AnyObject {
  if (showManagedFields || !object.metadata?.managedFields) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** `deployment.apps/web` */
export function nameOf({ apiVersion, kind, metadata }: AnyObject): string {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return objectLabel({ group, kind }, metadata.name ?? '')
}
