import { type HttpClient, isReason, type Node, nodeKind } from '@davit/api'
import { JUMP_ANNOTATION, SSH_ANNOTATION } from './annotations.ts'

/** Where the machine behind a Node is. */
export interface NodeMachine {
  readonly target: string
  readonly jump: string | undefined
}

/** What looks like `user@host` is a machine; anything else is a Node's name. */
export function isTarget(text: string): boolean {
  return text.includes('@') || text.startsWith('ssh://')
}

/** The Node, or undefined when there is none of that name. */
export function findNode(client: HttpClient, name: string): Promise<Node | undefined> {
  return client
    .resource(nodeKind)
    .get({ name })
    .catch((err: unknown) => {
      if (isReason(err, 'NotFound')) return undefined
      throw err
    })
}

/** Where `davit node add` reached the Node's machine. Throws, saying what to do, when it is not known. */
export function machineOf({ metadata }: Node): NodeMachine {
  const target = metadata.annotations?.[SSH_ANNOTATION]
  if (!target)
    throw new Error(
      `Node "${metadata.name}" does not say where its machine is: note it once with "davit annotate node ${metadata.name} ${SSH_ANNOTATION}=user@host", or give user@host in place of its name`,
    )
  return { target, jump: metadata.annotations?.[JUMP_ANNOTATION] }
}
