import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PodSpec } from '@davit/api'
import { refusalOf, sysctlName } from './node-admission.ts'
import { planPod } from './plan.ts'
import { checkpoint, observed, pod } from './test-pods.ts'

const facts = { allowedUnsafeSysctls: ['kernel.msg*', 'net.core.somaxconn'], hasAppArmor: false }
const refusal = (spec: Partial<PodSpec>, on = facts) => refusalOf(pod(spec), on)
const sysctl = (name: string, spec: Partial<PodSpec> = {}) => refusal({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } })

describe('refusalOf()', () => {
  it('lets safe sysctls pass, and those the operator allows', () => {
    for (const name of [
      'net.ipv4.tcp_syncookies',
      'net/ipv4/tcp_syncookies',
      'kernel.shm_rmid_forced',
      'kernel.msgmax',
      'net.core.somaxconn',
    ])
      assert.equal(sysctl(name), undefined, name)
  })
  it('refuses others, in Kubernetes’ words', () => {
    const message = 'forbidden sysctl: "kernel.sem" not allowlisted'
    assert.deepEqual(sysctl('kernel.sem'), { reason: 'SysctlForbidden', message })
    assert.match(sysctl('net.ipv4.tcp_syncookies', { hostNetwork: true })?.message ?? '', /not allowed with host net enabled$/)
    assert.match(sysctl('kernel.msgmax', { hostIPC: true })?.message ?? '', /not allowed with host ipc enabled$/)
  })
  it('refuses AppArmor profiles where the host has no AppArmor', () => {
    const asked = { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } } as const
    assert.equal(refusal(asked)?.message, 'Cannot enforce AppArmor: AppArmor is not enabled on the host')
    assert.equal(refusal(asked, { ...facts, hasAppArmor: true }), undefined)
    assert.equal(refusal({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }), undefined)
  })
  it('makes the plan end the pod before anything begins', () => {
    const world = observed({ checkpoint: checkpoint(pod()), refusal: { reason: 'SysctlForbidden', message: 'no' } })
    assert.deepEqual(planPod(world), [{ kind: 'conclude', phase: 'Failed', reason: 'SysctlForbidden', message: 'no', isRefused: true }])
  })
})

describe('sysctlName()', () => {
  for (const [written, name] of [
    ['net.ipv4.ip_forward', 'net.ipv4.ip_forward'],
    ['net/ipv4/conf/eth0.1/forwarding', 'net.ipv4.conf.eth0/1.forwarding'],
    ['net.ipv4.conf.eth0/1.forwarding', 'net.ipv4.conf.eth0/1.forwarding'],
  ] as const)
    it(`reads ${written}`, () => assert.equal(sysctlName(written), name))
})
