import { describe, expect, it } from 'vitest'
import { hasProgram, makeImage, makeTree, nameOf, openImage, shapes, ufsErrorOf } from './testing.ts'

const hasMakefs = hasProgram('makefs')
if (!hasMakefs) console.log('makefs is not installed: UFS images of it are not tested')

describe.skipIf(!hasMakefs).each(shapes)('an image of makefs, $version $order $blockSize/$fragmentSize', (shape) => {
  it('is recognised with its shape', () => {
    const fs = openImage(makeImage(shape))
    expect(fs.kind).toBe(`ufs${shape.version}`)
    expect(fs.superblock.isLittleEndian).toBe(shape.order === 'le')
    expect([fs.blockSize, fs.fragmentSize]).toEqual([shape.blockSize, shape.fragmentSize])
    expect(fs.readOnlyReason).toBeNull()
  })

  it('gives the bytes of every file', () => {
    const fs = openImage(makeImage(shape))
    for (const [path, bytes] of makeTree(shape)) {
      const file = fs.lookup(path)
      expect(fs.sizeBytes(file), path).toBe(bytes.length)
      expect(bytes.equals(fs.readAt(file, 0, bytes.length + 10)), path).toBe(true)
    }
  })

  it('lists directories and follows symbolic links, short and long', () => {
    const fs = openImage(makeImage(shape))
    const names = fs.list(fs.lookup('many')).map((entry) => entry.name)
    expect(names).toHaveLength(122)
    expect(fs.lookup('/link')).toBe(fs.lookup('sub/deep/file'))
    expect(fs.lookup('sub/deep/up')).toBe(fs.lookup('one'))
    expect(fs.lookup('long link')).toBe(fs.lookup('one'))
    expect(ufsErrorOf(() => fs.lookup('circle')).code).toBe('too-many-links')
    expect(ufsErrorOf(() => fs.lookup('sub/none')).code).toBe('no-such-file')
    expect(ufsErrorOf(() => fs.lookup('one/more')).code).toBe('not-a-directory')
    expect(nameOf(shape)).toContain('UFS')
  })
})
