import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod, PodSpec } from '@davit/api'
import { hostsFile, podHostname, resolvConf } from './etc-files.ts'

const pod = (spec: Partial<PodSpec> = {}, name = 'web'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  spec: { containers: [], ...spec },
})
const cluster = {
  dnsAddress: '10.96.0.10',
  clusterDomain: 'cluster.local',
  host: 'search corp.example\nnameserver 9.9.9.9\noptions timeout:1\n',
}

describe('resolvConf()', () => {
  for (const [what, spec, wanted] of [
    [
      'asks the cluster by default',
      {},
      'nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local corp.example\noptions ndots:5\n',
    ],
    ['asks what the node asks on its network', { hostNetwork: true }, 'nameserver 9.9.9.9\nsearch corp.example\noptions timeout:1\n'],
    [
      'asks the cluster on the host network when told to',
      { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
      'nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local corp.example\noptions ndots:5\n',
    ],
    [
      'asks what dnsConfig says alone',
      {
        dnsPolicy: 'None',
        dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] },
      },
      'nameserver 1.1.1.1\nsearch a.b\noptions ndots:2 edns0\n',
    ],
    [
      'adds dnsConfig',
      { dnsConfig: { options: [{ name: 'ndots', value: '1' }] } },
      'nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local corp.example\noptions ndots:1\n',
    ],
  ] as const) {
    it(what, () => assert.equal(resolvConf(pod(spec as unknown as Partial<PodSpec>), cluster), wanted))
  }
})

describe('hostsFile()', () => {
  it('names the pod, fully within a subdomain, and takes aliases', () => {
    const text = hostsFile(pod({ hostname: 'db', subdomain: 'data', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] }), {
      address: '10.244.0.9',
      clusterDomain: 'cluster.local',
    })
    assert.match(text, /^10\.244\.0\.9\tdb\.data\.shop\.svc\.cluster\.local\tdb$/m)
    assert.match(text, /^1\.2\.3\.4\ta\tb$/m)
  })

  it('keeps the node’s own entries on its network', () => {
    assert.match(
      hostsFile(pod({ hostNetwork: true }), { address: '10.0.0.1', clusterDomain: 'c', hostEntries: '10.0.0.1 n1\n' }),
      /^10\.0\.0\.1 n1$/m,
    )
  })
})

it('podHostname() cuts long names to 63 characters that may be a host name', () => {
  assert.equal(podHostname(pod({}, `${'a'.repeat(62)}-b`)), 'a'.repeat(62))
})
