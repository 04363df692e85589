/** The cluster will not have this machine, or this machine must not have the cluster: trying again cannot help. The message says why. */
export class Refused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Refused'
  }
}
