import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalizeImage, pullPolicy, registryOf } from './image.ts'

describe('normalizeImage()', () => {
  for (const [image, wanted] of [
    ['nginx', 'nginx:latest'],
    ['nginx:1.25', 'nginx:1.25'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
    [`x@sha256:${'a'.repeat(64)}`, `x@sha256:${'a'.repeat(64)}`],
  ] as const) {
    it(`makes "${wanted}" of "${image}"`, () => assert.equal(normalizeImage(image), wanted))
  }
  for (const image of ['', 'BAD Image', 'a:b:c', 'Upper/case', 'a//b', '-x']) {
    it(`refuses "${image}"`, () => assert.throws(() => normalizeImage(image), /invalid reference format/))
  }
})

describe('pullPolicy()', () => {
  it('pulls :latest always and others when they are missing', () => {
    assert.deepEqual(
      ['a', 'a:latest', 'a:1'].map(image => pullPolicy({ name: 'x', image })),
      ['Always', 'Always', 'IfNotPresent'],
    )
  })
})

describe('registryOf()', () => {
  it('finds the host, or says Docker Hub', () => {
    assert.deepEqual(['nginx:1', 'library/nginx', 'ghcr.io/a/b', 'localhost/x', 'host:5000/x'].map(registryOf), [
      'docker.io',
      'docker.io',
      'ghcr.io',
      'localhost',
      'host:5000',
    ])
  })
})
