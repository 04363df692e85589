import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planJoin } from './membership.ts'

const wanted = {
  name: 'cp-2',
  peerUrl: 'https://10.0.0.14:2380',
  cluster: new Map([
    ['cp-1', 'https://10.0.0.11:2380'],
    ['cp-2', 'https://10.0.0.14:2380'],
  ]),
}
const other = { ID: '1', name: 'cp-1', peerURLs: ['https://10.0.0.11:2380'] }

const CASES = [
  {
    title: 'a lost member is removed before its successor is added: one too many would raise the quorum',
    members: [other, { ID: '2', name: 'cp-2', peerURLs: ['https://10.0.0.12:2380'] }],
    actions: [{ kind: 'remove', id: '2' }, { kind: 'add' }],
  },
  { title: 'a member that was removed already is added', members: [other], actions: [{ kind: 'add' }] },
  {
    title: 'nothing is done twice',
    members: [other, { ID: '3', name: '', peerURLs: [wanted.peerUrl] }],
    actions: [],
  },
  {
    title: 'a successor at the same address takes the place of who had it',
    members: [other, { ID: '2', name: 'cp-2', peerURLs: [wanted.peerUrl] }],
    actions: [{ kind: 'remove', id: '2' }, { kind: 'add' }],
  },
]

for (const { title, members, actions } of CASES) {
  test(`planJoin(): ${title}`, () => assert.deepEqual(planJoin(wanted, members), actions))
}

test('planJoin() waits for members that the new one will look for', () => {
  const cluster = new Map([...wanted.cluster, ['cp-3', 'https://10.0.0.13:2380']])
  assert.throws(() => planJoin({ ...wanted, cluster }, [other]), /cp-3 must have joined before/)
})
