import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRequestInfo } from './request-info.ts'

const cases: [string, string, object | undefined][] = [
  ['GET /api/v1/pods', 'list', { group: '', version: 'v1', resource: 'pods' }],
  ['GET /api/v1/namespaces/a/pods?limit=5', 'list', { group: '', version: 'v1', resource: 'pods', namespace: 'a' }],
  ['GET /api/v1/namespaces/a/pods/b', 'get', { group: '', version: 'v1', resource: 'pods', namespace: 'a', name: 'b' }],
  [
    'GET /api/v1/namespaces/a/pods/b/log',
    'get',
    { group: '', version: 'v1', resource: 'pods', namespace: 'a', name: 'b', subresource: 'log' },
  ],
  ['GET /api/v1/namespaces', 'list', { group: '', version: 'v1', resource: 'namespaces' }],
  ['GET /api/v1/namespaces/a', 'get', { group: '', version: 'v1', resource: 'namespaces', namespace: 'a', name: 'a' }],
  [
    'PUT /api/v1/namespaces/a/finalize',
    'update',
    { group: '', version: 'v1', resource: 'namespaces', namespace: 'a', name: 'a', subresource: 'finalize' },
  ],
  ['PATCH /api/v1/nodes/n/status', 'patch', { group: '', version: 'v1', resource: 'nodes', name: 'n', subresource: 'status' }],
  ['GET /apis/apps/v1/deployments?watch', 'watch', { group: 'apps', version: 'v1', resource: 'deployments' }],
  ['GET /apis/apps/v1/deployments?watch=false', 'list', { group: 'apps', version: 'v1', resource: 'deployments' }],
  ['GET /api/v1/namespaces/a/pods/b?watch=1', 'watch', { group: '', version: 'v1', resource: 'pods', namespace: 'a', name: 'b' }],
  ['GET /api/v1/watch/namespaces/a/pods', 'watch', { group: '', version: 'v1', resource: 'pods', namespace: 'a' }],
  ['DELETE /api/v1/namespaces/a/pods', 'deletecollection', { group: '', version: 'v1', resource: 'pods', namespace: 'a' }],
  ['DELETE /api/v1/namespaces/a', 'delete', { group: '', version: 'v1', resource: 'namespaces', namespace: 'a', name: 'a' }],
  [
    'POST /api/v1/namespaces/a/pods/b/eviction',
    'create',
    { group: '', version: 'v1', resource: 'pods', namespace: 'a', name: 'b', subresource: 'eviction' },
  ],
  [
    'GET /api/v1/nodes/n/proxy/stats/summary?only_cpu_and_memory=true',
    'get',
    { group: '', version: 'v1', resource: 'nodes', name: 'n', subresource: 'proxy', path: '/stats/summary' },
  ],
  ...(
    [
      ['GET', 'get', '', ''],
      ['HEAD', 'get', '/', '/'],
      ['POST', 'create', '/a//b%2Fc/', '/a//b%2Fc/'],
      ['PUT', 'update', '/?watch=true', '/'],
      ['DELETE', 'delete', '/x', '/x'],
      ['OPTIONS', 'options', '/x', '/x'],
    ] as const
  ).map(([method, verb, sent, path]): [string, string, object] => [
    `${method} /api/v1/namespaces/a/services/https:b:c/proxy${sent}`,
    verb,
    { group: '', version: 'v1', namespace: 'a', resource: 'services', name: 'https:b:c', subresource: 'proxy', path },
  ]),
  ['GET /api/v1/namespaces/a/pods//proxy/x', 'get', undefined],
  ['GET /api/v1/nodes/n/status/more', 'get', undefined],
  ['GET /api/v1/namespaces/a%2Fb/pods', 'list', { group: '', version: 'v1', resource: 'pods', namespace: 'a/b' }],
  ['GET /api/v1', 'get', undefined],
  ['GET /apis/apps/v1/', 'get', undefined],
  ['GET /api/v1//pods', 'get', undefined],
  ['GET /api/v1/namespaces/a/pods/b/c/d', 'get', undefined],
  ['POST /davit/v1/join', 'post', undefined],
]

describe('parseRequestInfo()', () => {
  for (const [request, verb, resource] of cases) {
    it(`reads ${request}`, () => {
      const [method = '', url = ''] = request.split(' ')
      const info = parseRequestInfo(method, url)
      assert.deepEqual({ verb: info.verb, resource: info.resource }, { verb, resource })
    })
  }

  it('refuses a broken escape', () => {
    assert.throws(() => parseRequestInfo('GET', '/api/v1/pods/%e0%a4%a'), /Cannot decode path segment/)
  })
})

describe('parseRequestInfo of what another server serves', () => {
  const parse = (url: string) => parseRequestInfo('GET', url, (group, version) => `${group}/${version}` === 'metrics.io/v1')
  const at = { group: 'metrics.io', version: 'v1' }
  const paths: [string, string, object | undefined][] = [
    ['/apis/metrics.io/v1', 'get', undefined],
    ['/apis/metrics.io/v1//', 'get', undefined],
    ['/apis/metrics.io/v1/pods', 'list', { resource: 'pods' }],
    ['/apis/metrics.io/v1//secrets', 'get', { resource: '', name: 'secrets' }],
    ['/apis/metrics.io/v1/namespaces/a', 'get', { resource: 'namespaces', name: 'a', namespace: 'a' }],
    ['/apis/metrics.io/v1/namespaces/a//b', 'get', { resource: '', name: 'b', namespace: 'a' }],
    ['/apis/metrics.io/v1/nodes/n/stats/more', 'get', { resource: 'nodes', name: 'n', subresource: 'stats' }],
    [
      '/apis/metrics.io/v1/namespaces/a/machines/m/portforward/22/tcp',
      'get',
      { resource: 'machines', name: 'm', subresource: 'portforward', namespace: 'a' },
    ],
  ]
  for (const [url, verb, target] of paths) {
    it(url, () => {
      const info = parse(url)
      assert.deepEqual([info.verb, info.resource], [verb, target && { ...at, ...target }])
    })
  }
})
