export type SshProblem = 'target' | 'unreachable' | 'host-key' | 'authentication' | 'sudo' | 'lost' | 'command' | 'deadline'

/** What went wrong between here and a host, in one line that ends with what to do about it. */
export class SshError extends Error {
  readonly problem: SshProblem

  constructor(problem: SshProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SshError'
    this.problem = problem
  }
}
