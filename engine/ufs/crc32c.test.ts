import { describe, expect, it } from 'vitest'
import { checkFileSystem } from './check.ts'
import { crc32c } from './crc32c.ts'
import { Fields } from './fields.ts'
import { ROOT_INODE } from './fileSystem.ts'
import { hasProgram, makeImage, noise, openImage, shapes } from './testing.ts'

it('is CRC-32C without the last inversion', () => {
  // the check value of the catalogue of CRCs for "123456789" is e3069283
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(~0xe3069283 >>> 0)
  expect(crc32c(new Uint8Array(0))).toBe(0xffffffff)
})

const shape = shapes.find(({ version }) => version === 2)!

/** An image of makefs with the check hashes that FreeBSD's newfs would have given it. */
function hashedImage(): Buffer {
  const image = makeImage(shape)
  const superblock = openImage(image).superblock.place
  const fields = new Fields(image, true)
  fields.setU32(superblock + 1308, 7)
  fields.setU32(superblock + 1312, fields.u32(superblock + 1312) | 0x200)
  const ufs = openImage(image)
  for (let number = ROOT_INODE; number < ufs.superblock.inodeCount; number++) {
    const inode = ufs.inode(number)
    if (inode.mode !== 0) inode.isDirty = true
  }
  for (let group = 0; group < ufs.superblock.groups; group++) ufs.groups.group(group).isDirty = true
  ufs.touch(ROOT_INODE, false, 0)
  ufs.flush()
  return image
}

describe.skipIf(!hasProgram('makefs'))('a file system with check hashes', () => {
  it('keeps them right through changes', () => {
    const image = hashedImage()
    const ufs = openImage(image)
    expect(ufs.superblock.hashes).toBe(7)
    ufs.writeAt(ufs.create(ROOT_INODE, 'new'), 100_000, noise(5000, 1))
    ufs.setSize(ufs.lookup('tail'), 10)
    ufs.flush()
    expect(checkFileSystem(openImage(image)).problems).toEqual([])
  })

  it('is found to be damaged where one is wrong', () => {
    const image = hashedImage()
    const ufs = openImage(image)
    const place = ufs.superblock.inodeOffset(ufs.lookup('one'))
    // a byte that nothing else looks at
    image[place + 250] = 1
    image[ufs.superblock.place + 700] = 0x41
    const kinds = checkFileSystem(openImage(image)).problems.map(({ kind, inode }) => [kind, inode])
    expect(kinds).toEqual([
      ['hash', null],
      ['hash', ufs.lookup('one')],
    ])
  })
})
