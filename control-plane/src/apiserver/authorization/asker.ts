/** What expressions of users ask about rights, put to the authorizer. */
import { GROUPS } from '@davit/api'
import type { Question, Verdict } from '@davit/api/cel'
import type { User } from '../registry/index.ts'
import type { Authorizer } from './types.ts'

/** Asks for the user of a request, or for the service account that the question names. */
export function createAsker(authorizer: Pick<Authorizer, 'authorize'>): (user: User, question: Question) => Promise<Verdict> {
  return async (user, { serviceAccount, verb, path, group = '', resource = '', subresource, namespace, name }) => {
    const asking = serviceAccount ? accountUser(serviceAccount) : user
    if (path !== undefined) return authorizer.authorize({ user: asking, verb, path, group: '', resource: '' })
    return authorizer.authorize({
      user: asking,
      verb,
      group,
      resource,
      ...(subresource && { subresource }),
      ...(namespace && { namespace }),
      ...(name && { name }),
    })
  }
}

function accountUser({ namespace, name }: { namespace: string; name: string }): User {
  const groups = [GROUPS.serviceAccounts, `${GROUPS.serviceAccounts}:${namespace}`, GROUPS.authenticated]
  return { name: `system:serviceaccount:${namespace}:${name}`, groups }
}
