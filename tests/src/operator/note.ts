/** The kind of the operator's own, and clients for it as programs outside have them. */
import { Agent, type RequestOptions } from 'node:https'
import {
  ApiException,
  CustomObjectsApi,
  KubeConfig,
  type KubernetesObject,
  type RequestContext,
  type V1ObjectMeta,
} from '@kubernetes/client-node'

export interface Note extends KubernetesObject {
  metadata: V1ObjectMeta
  spec: { text: string }
  status?: { observedGeneration?: number; configMap?: string }
}

export const NAMESPACE = 'notes'
/** What every call about Notes begins with. */
export const NOTES = { group: 'operator.example.com', version: 'v1', namespace: NAMESPACE, plural: 'notes' } as const
export const NOTE_API = `${NOTES.group}/${NOTES.version}`

export const NOTE_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${NOTES.plural}.${NOTES.group}` },
  spec: {
    group: NOTES.group,
    names: { kind: 'Note', plural: NOTES.plural, singular: 'note' },
    scope: 'Namespaced',
    versions: [
      {
        name: NOTES.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
              status: {
                type: 'object',
                properties: { observedGeneration: { type: 'integer', format: 'int64' }, configMap: { type: 'string' } },
              },
            },
          },
        },
      },
    ],
  },
}

/** The library's configuration, except that its requests share connections: it makes a TLS handshake for each one. */
class SharingConfig extends KubeConfig {
  #agent: Agent | undefined

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context)
    if (!this.#agent) {
      const options: RequestOptions = {}
      await this.applyToHTTPSOptions(options)
      const { ca, cert, key } = options
      this.#agent = new Agent({ ca, cert, key, keepAlive: true, maxSockets: 16 })
    }
    context.setAgent(this.#agent)
  }
}

export function configOf(kubeconfig: string): KubeConfig {
  const config = new SharingConfig()
  config.loadFromFile(kubeconfig)
  return config
}

/** The calls about Notes, typed; the library leaves their bodies open. */
export class NotesApi {
  readonly #api: CustomObjectsApi

  constructor(config: KubeConfig) {
    this.#api = config.makeApiClient(CustomObjectsApi)
  }

  async list(): Promise<{ items: Note[]; metadata: { resourceVersion: string } }> {
    return this.#api.listNamespacedCustomObject(NOTES)
  }

  async get(name: string): Promise<Note> {
    return this.#api.getNamespacedCustomObject({ ...NOTES, name })
  }

  async create(name: string, text: string): Promise<Note> {
    return this.#api.createNamespacedCustomObject({
      ...NOTES,
      body: { apiVersion: NOTE_API, kind: 'Note', metadata: { name }, spec: { text } },
    })
  }

  /** By a JSON patch, which is what the library sends unless it is told otherwise. */
  async setText(name: string, text: string): Promise<Note> {
    return this.#api.patchNamespacedCustomObject({ ...NOTES, name, body: [{ op: 'replace', path: '/spec/text', value: text }] })
  }

  async delete(name: string): Promise<void> {
    await this.#api.deleteNamespacedCustomObject({ ...NOTES, name })
  }

  async replaceStatus(note: Note): Promise<Note> {
    return this.#api.replaceNamespacedCustomObjectStatus({ ...NOTES, name: note.metadata.name ?? '', body: note })
  }
}

/** Whether the server answered with that code. */
export function hasCode(error: unknown, code: number): boolean {
  return error instanceof ApiException && error.code === code
}
