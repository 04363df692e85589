import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formOfError, negotiate, negotiateStream, wantsPretty } from './accept.ts'

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

describe('negotiate()', () => {
  const cases: [string, string | undefined, boolean, object][] = [
    ['nothing asked', undefined, true, { format: 'json', version: 'v1' }],
    ['anything', '*/*', true, { format: 'json', version: 'v1' }],
    ['what kubectl get sends', TABLE, true, { format: 'json', as: 'Table', version: 'v1' }],
    ['a table where none is', TABLE, false, { format: 'json', version: 'v1' }],
    [
      'protobuf before JSON, as typed clients send',
      'application/vnd.kubernetes.protobuf,application/json',
      true,
      { format: 'json', version: 'v1' },
    ],
    [
      'metadata',
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      true,
      { format: 'json', as: 'PartialObjectMetadataList', version: 'v1' },
    ],
    ['YAML by quality', 'application/json;q=0.5, application/yaml', true, { format: 'yaml', version: 'v1' }],
    ['what old clients watch with', 'application/json;stream=watch', true, { format: 'json', version: 'v1' }],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true, { format: 'json', version: 'v1' }],
  ]
  for (const [what, accept, views, form] of cases) it(`gives ${what}`, () => assert.deepEqual(negotiate(accept, views), form))

  for (const accept of [
    'text/html',
    'application/vnd.kubernetes.protobuf',
    'application/json;as=Table;v=v9;g=meta.k8s.io',
    'application/json;q=0',
    ',;=,',
  ]) {
    it(`refuses ${accept}`, () => {
      assert.throws(() => negotiate(accept, true), {
        message: 'only the following media types are accepted: application/json, application/yaml',
      })
    })
  }
})

describe('negotiateStream()', () => {
  it('gives tables and refuses YAML', () => {
    assert.equal(negotiateStream(TABLE).as, 'Table')
    assert.throws(() => negotiateStream('application/yaml'), {
      message: 'only the following media types are accepted: application/json;stream=watch',
    })
  })
})

describe('formOfError()', () => {
  it('gives YAML to who asks for it and JSON to all others', () => {
    assert.equal(formOfError('application/yaml').format, 'yaml')
    assert.equal(formOfError('text/html').format, 'json')
    assert.equal(formOfError('application/json;as=Table;v=v1;g=meta.k8s.io').format, 'json')
  })
})

describe('wantsPretty()', () => {
  it('goes by the query before the program', () => {
    assert.equal(wantsPretty(undefined, 'curl/8'), true)
    assert.equal(wantsPretty('false', 'curl/8'), false)
    assert.equal(wantsPretty('no', 'curl/8'), false)
    assert.equal(wantsPretty('', 'kubectl/v1.33'), true)
    assert.equal(wantsPretty(undefined, 'kubectl/v1.33'), false)
  })
})
