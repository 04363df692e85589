import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseOptions, UsageError } from './options.ts'

const SERVER = ['--server', 'https://10.0.0.1:6443/,https://10.0.0.2:6443']

describe('parseOptions()', () => {
  it('reads every flag', () => {
    const options = parseOptions([
      ...SERVER,
      '--node-name',
      'n1',
      '--cpu',
      '1500m',
      '--memory',
      '2Gi',
      '--label',
      'disk=ssd',
      '--label',
      'a=b',
      '--docker',
      'unix:///x.sock',
    ])
    assert.ok(typeof options === 'object')
    assert.deepEqual(options.servers, ['https://10.0.0.1:6443', 'https://10.0.0.2:6443'])
    assert.deepEqual([options.milliCpu, options.memoryBytes, options.maxPods, options.dockerSocket], [1500, 2 ** 31, 110, '/x.sock'])
    assert.deepEqual(options.labels, { disk: 'ssd', a: 'b' })
  })

  for (const [args, message] of [
    [[], /--server is required/],
    [['--server', 'http://x'], /must be like https:/],
    [[...SERVER, '--node-name', 'Bad_Name'], /--node-name "Bad_Name" cannot be used/],
    [[...SERVER, '--ca-hash', 'abc'], /64 hex digits/],
    [[...SERVER, '--memory', 'lots'], /--memory "lots" is not an amount/],
    [[...SERVER, '--docker', 'tcp://x'], /--docker "tcp:\/\/x"/],
    [[...SERVER, '--nope'], /Unknown option '--nope'/],
  ] as const) {
    it(`refuses ${args.join(' ') || 'nothing'}`, () => {
      assert.throws(
        () => parseOptions(args),
        (err: unknown) => err instanceof UsageError && message.test(err.message),
      )
    })
  }
})
