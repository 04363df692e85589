import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { command } from '../command.ts'
import { stripElf } from './strip-elf.ts'

interface Section {
  name: string
  isLoaded: boolean
  text: string
}

/** An executable of these sections, as linkers lay it out. */
function elf(sections: readonly Section[]): Buffer {
  const names = `\0${[...sections, { name: '.shstrtab' }].map(({ name }) => `${name}\0`).join('')}`
  const all = [...sections, { name: '.shstrtab', isLoaded: false, text: names }]
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x02\x01', 'latin1')
  let offset = 64
  const table = all.map(({ name, isLoaded, text }) => {
    const section = Buffer.alloc(64)
    section.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, 0)
    section.writeUInt32LE(1, 4)
    section.writeBigUInt64LE(isLoaded ? 2n : 0n, 8)
    section.writeBigUInt64LE(BigInt(offset), 24)
    section.writeBigUInt64LE(BigInt(text.length), 32)
    offset += text.length
    return section
  })
  header.writeBigUInt64LE(BigInt(offset), 40)
  header.writeUInt16LE(64, 58)
  header.writeUInt16LE(all.length + 1, 60)
  header.writeUInt16LE(all.length, 62)
  return Buffer.concat([header, Buffer.from(all.map(({ text }) => text).join('')), Buffer.alloc(64), ...table])
}

const CODE = { name: '.text', isLoaded: true, text: 'code' }
const SYMBOLS = { name: '.symtab', isLoaded: false, text: 'symbols'.repeat(100) }

test('stripElf() keeps what is loaded, where it was, and nothing else', () => {
  const stripped = stripElf(elf([CODE, SYMBOLS]))
  assert.equal(stripped.subarray(64, 68).toString(), 'code')
  assert.ok(!stripped.includes('symbolssymbols'))
  assert.deepEqual(stripElf(stripped), stripped, 'a second time there is nothing to take away')
})

test('stripElf() leaves alone what it cannot strip without moving code', () => {
  assert.throws(() => stripElf(elf([SYMBOLS, CODE])), /sections that are loaded stand behind others/)
  assert.throws(() => stripElf(Buffer.alloc(100)), /no 64-bit little-endian ELF file/)
})

test('a stripped program runs', { skip: process.platform !== 'linux' }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-strip-'))
  try {
    const file = join(dir, 'echo')
    await writeFile(file, stripElf(await readFile('/bin/echo')))
    await chmod(file, 0o755)
    assert.equal((await command(file, ['runs'])).stdout, 'runs\n')
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
