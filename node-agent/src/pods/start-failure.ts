/** Why a container could not be started, with the reason Kubernetes shows while it waits. */
export class StartFailure extends Error {
  readonly reason: string

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartFailure'
    this.reason = reason
  }
}

export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}
