import type { Environment } from '@marcbachmann/cel-js'
import type { Question, Verdict } from '../question.ts'

/** The verdict on a question; throws while there is none. */
export type Answers = (question: Question) => Verdict

type Part = 'subresource' | 'namespace' | 'name'

export class Authorizer {
  readonly requestResource: ResourceCheck | undefined
  readonly answers: Answers
  readonly serviceAccount: Question['serviceAccount']

  constructor(answers: Answers, serviceAccount: Question['serviceAccount'], requestResource?: Omit<Question, 'verb'>) {
    this.answers = answers
    this.serviceAccount = serviceAccount
    this.requestResource = requestResource && new ResourceCheck(this, requestResource)
  }

  ask(question: Question): Decision {
    return new Decision(this.answers({ ...question, ...(this.serviceAccount && { serviceAccount: this.serviceAccount }) }))
  }
}

class PathCheck {
  readonly authorizer: Authorizer
  readonly path: string

  constructor(authorizer: Authorizer, path: string) {
    if (path === '') throw new Error('path must not be empty')
    this.authorizer = authorizer
    this.path = path
  }
}

class GroupCheck {
  readonly authorizer: Authorizer
  readonly group: string

  constructor(authorizer: Authorizer, group: string) {
    this.authorizer = authorizer
    this.group = group
  }
}

class ResourceCheck {
  readonly authorizer: Authorizer
  readonly about: Omit<Question, 'verb'>

  constructor(authorizer: Authorizer, about: Omit<Question, 'verb'>) {
    this.authorizer = authorizer
    this.about = about
  }

  with(part: Part, value: string): ResourceCheck {
    return new ResourceCheck(this.authorizer, { ...this.about, [part]: value })
  }
}

class Decision {
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    this.verdict = verdict
  }
}

/** Selectors narrow nothing: whoever may do it to some may not be told apart from whoever may do it to all. */
export function withAuthorizer(environment: Environment): Environment {
  const name = (type: string) => `kubernetes.authorization.${type}`
  const [authorizer, path, group, resource, decision] = ['Authorizer', 'PathCheck', 'GroupCheck', 'ResourceCheck', 'Decision'].map(name)
  return environment
    .registerType(`${resource}`, { ctor: ResourceCheck, fields: {} })
    .registerType(`${path}`, { ctor: PathCheck, fields: {} })
    .registerType(`${group}`, { ctor: GroupCheck, fields: {} })
    .registerType(`${decision}`, { ctor: Decision, fields: {} })
    .registerType(`${authorizer}`, { ctor: Authorizer, fields: { requestResource: `${resource}` } })
    .registerFunction(`${authorizer}.path(string): ${path}`, (of: Authorizer, text: string) => new PathCheck(of, text))
    .registerFunction(`${authorizer}.group(string): ${group}`, (of: Authorizer, text: string) => new GroupCheck(of, text))
    .registerFunction(
      `${authorizer}.serviceAccount(string, string): ${authorizer}`,
      (of: Authorizer, namespace: string, account: string) => new Authorizer(of.answers, { namespace, name: account }),
    )
    .registerFunction(
      `${group}.resource(string): ${resource}`,
      (of: GroupCheck, text: string) => new ResourceCheck(of.authorizer, { group: of.group, resource: text }),
    )
    .registerFunction(`${resource}.subresource(string): ${resource}`, (of: ResourceCheck, text: string) => of.with('subresource', text))
    .registerFunction(`${resource}.namespace(string): ${resource}`, (of: ResourceCheck, text: string) => of.with('namespace', text))
    .registerFunction(`${resource}.name(string): ${resource}`, (of: ResourceCheck, text: string) => of.with('name', text))
    .registerFunction(`${resource}.fieldSelector(string): ${resource}`, (of: ResourceCheck) => of)
    .registerFunction(`${resource}.labelSelector(string): ${resource}`, (of: ResourceCheck) => of)
    .registerFunction(`${path}.check(string): ${decision}`, (of: PathCheck, verb: string) => of.authorizer.ask({ path: of.path, verb }))
    .registerFunction(`${resource}.check(string): ${decision}`, (of: ResourceCheck, verb: string) =>
      of.authorizer.ask({ ...of.about, verb }),
    )
    .registerFunction(`${decision}.allowed(): bool`, ({ verdict }: Decision) => verdict.allowed)
    .registerFunction(`${decision}.errored(): bool`, ({ verdict }: Decision) => verdict.error !== undefined)
    .registerFunction(`${decision}.error(): string`, ({ verdict }: Decision) => verdict.error ?? '')
    .registerFunction(`${decision}.reason(): string`, ({ verdict }: Decision) => verdict.reason ?? '')
}
