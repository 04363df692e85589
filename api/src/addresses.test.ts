import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isProxyableAddress } from './addresses.ts'

test('requests are passed on to addresses that mean the same everywhere, and to no others', () => {
  for (const address of ['10.0.0.1', '192.168.1.1', '8.8.8.8', '2001:db8::1', 'fd00::1', '::ffff:10.0.0.1']) {
    assert.equal(isProxyableAddress(address), true, address)
  }
  const own = ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '0.0.0.0', '::', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe']
  const link = ['169.254.169.254', 'fe80::1', 'FE80::1', '224.0.0.1', '239.1.1.1', 'ff02::1', '255.255.255.255']
  for (const address of [...own, ...link, 'localhost', '', '10.0.0', 'fe80::1%eth0'])
    assert.equal(isProxyableAddress(address), false, address)
})
