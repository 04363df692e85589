import assert from 'node:assert/strict'
import { it } from 'node:test'
import { pauseExecutable } from './pause-image.ts'

for (const [architecture, machine] of [
  ['amd64', 62],
  ['arm64', 183],
] as const) {
  it(`pauseExecutable() makes a static ELF for ${architecture} whose one segment is the whole file`, () => {
    const elf = pauseExecutable(architecture)
    assert.equal(elf.subarray(0, 4).toString('latin1'), '\x7fELF')
    assert.equal(elf.readUInt16LE(18), machine)
    assert.equal(elf.readBigUInt64LE(96), BigInt(elf.length))
    assert.equal(elf.readBigUInt64LE(24), 0x400078n)
    // The kernel reads struct sigaction from the end: SIG_IGN, then zeros.
    assert.deepEqual([...elf.subarray(-32)], [1, ...new Array<number>(31).fill(0)])
  })
}

it('pauseExecutable() points at its struct by the instruction that loads it', () => {
  const arm = pauseExecutable('arm64')
  // adr x1: the offset is in words 5 to 23 and 29 to 30, counted from the instruction itself.
  const adr = arm.readUInt32LE(120 + 4)
  const offset = (((adr >>> 5) & 0x7ffff) << 2) | ((adr >>> 29) & 3)
  assert.equal(120 + 4 + offset, arm.length - 32)
  const amd = pauseExecutable('amd64')
  assert.equal(120 + 12 + amd.readInt32LE(120 + 8), amd.length - 32)
})

it('pauseExecutable() refuses what it has no code for', () => assert.throws(() => pauseExecutable('riscv64'), /only for amd64 and arm64/))
