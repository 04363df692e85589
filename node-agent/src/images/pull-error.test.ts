import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pullError } from './pull-error.ts'

const reasonOf = (message: string) => pullError(message, { image: 'x', platform: 'linux/amd64' }).reason

describe('pullError()', () => {
  for (const [reason, message] of [
    ['ErrImagePull', 'manifest for r/x:2 not found: manifest unknown: manifest unknown'],
    ['ErrImagePull', 'unauthorized: authentication required'],
    ['ErrImagePull', "pull access denied for x, repository does not exist or may require 'docker login'"],
    ['ErrImagePull', 'toomanyrequests: You have reached your pull rate limit'],
    ['ErrImagePull', 'Get "https://r/v2/": x509: certificate signed by unknown authority'],
    ['RegistryUnavailable', 'Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host'],
    ['RegistryUnavailable', 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'],
    ['RegistryUnavailable', 'Get "https://r/v2/": net/http: TLS handshake timeout'],
    ['RegistryUnavailable', 'Get "https://r/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)'],
    ['RegistryUnavailable', 'received unexpected HTTP status: 503 Service Unavailable'],
    ['RegistryUnavailable', 'Get "https://r/v2/": EOF'],
    ['ErrImageArchitecture', 'no matching manifest for linux/amd64 in the manifest list entries'],
    ['ErrImageArchitecture', 'image operating system "windows" cannot be used on this platform'],
  ] as const) {
    it(`calls "${message}" ${reason}`, () => assert.equal(reasonOf(message), reason))
  }
  it('says nothing twice, and nothing at length', () => {
    assert.equal(
      pullError('Error response from daemon: manifest for r/x:2 not found: manifest unknown: manifest unknown', {
        image: 'x',
        platform: '',
      }).message,
      'manifest for r/x:2 not found: manifest unknown',
    )
    assert.equal(pullError('a'.repeat(5_000), { image: 'x', platform: '' }).message.length, 1_001)
  })
  it('looks at the first 4,000 characters only', () => {
    const after = (blanks: number) => reasonOf(`${' '.repeat(blanks)}no such host`)
    assert.equal(after(3_980), 'RegistryUnavailable')
    assert.equal(after(4_000), 'ErrImagePull')
  })
})
