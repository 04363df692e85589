/** Takes out of an executable what only a debugger reads, whatever processor it is for: a machine's own `strip` knows its own only. */

const SECTION_ALLOC = 2n
const SECTION_NO_BITS = 8
const HEADER_BYTES = 64
const SECTION_HEADER_BYTES = 64

interface Section {
  readonly header: Buffer
  readonly offset: number
  readonly size: number
  readonly isLoaded: boolean
}

/**
 * `file` without the sections that are never loaded into memory; those are at its end, so nothing else moves. Throws for what is
 * not a 64-bit little-endian ELF file with its sections in that order.
 */
export function stripElf(file: Buffer): Buffer {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1)
    throw new Error('Cannot strip the executable: it is no 64-bit little-endian ELF file')
  const sections = readSections(file)
  const names = sections[file.readUInt16LE(62)]
  const kept = sections.filter(section => section.isLoaded)
  if (!names || kept.some((section, index) => sections[index] !== section))
    throw new Error('Cannot strip the executable: sections that are loaded stand behind others that are not')
  const end = Math.max(...kept.map(({ header, offset, size }) => (header.readUInt32LE(4) === SECTION_NO_BITS ? offset : offset + size)))

  const namesHeader = Buffer.from(names.header)
  namesHeader.writeBigUInt64LE(BigInt(end), 24)
  const namesText = file.subarray(names.offset, names.offset + names.size)
  const padding = Buffer.alloc(-(end + names.size) & 7)
  const stripped = Buffer.concat([file.subarray(0, end), namesText, padding, ...kept.map(section => section.header), namesHeader])
  stripped.writeBigUInt64LE(BigInt(end + names.size + padding.length), 40)
  stripped.writeUInt16LE(kept.length + 1, 60)
  stripped.writeUInt16LE(kept.length, 62)
  return stripped
}

function readSections(file: Buffer): Section[] {
  const table = Number(file.readBigUInt64LE(40))
  const count = file.readUInt16LE(60)
  if (file.readUInt16LE(58) !== SECTION_HEADER_BYTES || table < HEADER_BYTES || table + count * SECTION_HEADER_BYTES > file.length)
    throw new Error('Cannot strip the executable: its table of sections lies outside the file')
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * SECTION_HEADER_BYTES
    const header = file.subarray(at, at + SECTION_HEADER_BYTES)
    const offset = Number(header.readBigUInt64LE(24))
    const size = Number(header.readBigUInt64LE(32))
    // The first one is empty and always there.
    return { header, offset, size, isLoaded: index === 0 || (header.readBigUInt64LE(8) & SECTION_ALLOC) !== 0n }
  })
}
