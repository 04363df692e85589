import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pullPolicy, readImageName } from './reference.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

describe('readImageName()', () => {
  for (const [image, wanted] of [
    ['nginx', 'nginx:latest'],
    ['nginx:1.25', 'nginx:1.25'],
    ['docker.io/library/nginx', 'nginx:latest'],
    ['index.docker.io/me/app:2', 'me/app:2'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    [`x@${DIGEST}`, `x@${DIGEST}`],
    [`x:1@${DIGEST}`, `x@${DIGEST}`],
    ['a'.repeat(64), `sha256:${'a'.repeat(64)}`],
    [DIGEST, DIGEST],
  ] as const) {
    it(`asks Docker for "${wanted}" when a pod says "${image}"`, () => assert.equal(readImageName(image).docker, wanted))
  }
  for (const image of ['', 'BAD Image', 'a:b:c', 'Upper/case', 'a//b', '-x', 'a@sha256:12', 'a:', `${'a'.repeat(256)}`, 'http://a/b']) {
    it(`refuses "${image.slice(0, 20)}"`, () =>
      assert.throws(() => readImageName(image), { reason: 'InvalidImageName', message: /^Failed to apply default image tag/ }))
  }
  it('says in Docker’s words what is wrong', () => {
    assert.throws(() => readImageName('BAD'), {
      message:
        'Failed to apply default image tag "BAD": couldn\'t parse image name "BAD": invalid reference format: repository name (library/BAD) must be lowercase',
    })
  })
})

describe('pullPolicy()', () => {
  it('pulls :latest always and others when they are missing', () => {
    assert.deepEqual(
      ['a', 'a:latest', 'a:1', `a@${DIGEST}`, `a:latest@${DIGEST}`].map(image => pullPolicy({ image })),
      ['Always', 'Always', 'IfNotPresent', 'IfNotPresent', 'IfNotPresent'],
    )
  })
})
