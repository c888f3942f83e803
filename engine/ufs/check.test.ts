import { describe, expect, it } from 'vitest'
import { checkFileSystem } from './check.ts'
import type { ProblemKind } from './checkFindings.ts'
import { Fields } from './fields.ts'
import { ROOT_INODE, type UfsFileSystem } from './fileSystem.ts'
import { hasProgram, makeImage, makeTree, noise, openImage, type Shape, shapes } from './testing.ts'
import { UfsError } from './ufsError.ts'

const hasMakefs = hasProgram('makefs')

interface Damage {
  name: string
  /** Changes the bytes of an image; `ufs` is the file system in it. */
  plant: (bytes: Fields, ufs: UfsFileSystem, shape: Shape) => void
  found: ProblemKind
  message: RegExp
}

const groupAt = (ufs: UfsFileSystem): number =>
  (ufs.superblock.groupStart(0) + ufs.superblock.groupPlace) * ufs.fragmentSize
const inodeAt = (ufs: UfsFileSystem, path: string): number => ufs.superblock.inodeOffset(ufs.lookup(path, false))
const directAt = (ufs: UfsFileSystem): number => (ufs.superblock.version === 2 ? 112 : 40)
const wide = (ufs: UfsFileSystem): number => ufs.superblock.pointerBytes
const setPointer = (bytes: Fields, ufs: UfsFileSystem, at: number, value: number): void => {
  if (wide(ufs) === 8) bytes.setI64(at, value)
  else bytes.setU32(at, value)
}
const flip = (bytes: Fields, at: number, bit: number): void => {
  bytes.bytes[at] = bytes.bytes[at]! ^ (1 << bit)
}
/** Byte of an entry of a directory. */
const entryAt = (ufs: UfsFileSystem, directory: number, name: string): number =>
  ufs.bmap(directory, 0).sector * 512 + ufs.list(directory).find((entry) => entry.name === name)!.offset

const damages: Damage[] = [
  {
    name: 'a superblock with wrong totals',
    plant: (b, ufs) => b.setI64(ufs.superblock.place + 1016, 1),
    found: 'count',
    message: /superblock says 1 free blocks/,
  },
  {
    name: 'an unclean file system',
    plant: (b, ufs) => void (b.bytes[ufs.superblock.place + 209] = 0),
    found: 'unclean',
    message: /not unmounted cleanly/,
  },
  {
    name: 'a group without magic number',
    plant: (b, ufs) => b.setU32(groupAt(ufs) + 4, 0),
    found: 'group',
    message: /cylinder group 0 has no magic/,
  },
  {
    name: 'a group that is another',
    plant: (b, ufs) => b.setU32(groupAt(ufs) + 12, 7),
    found: 'group',
    message: /says that it is number 7/,
  },
  {
    name: 'a map outside of its group',
    plant: (b, ufs) => b.setU32(groupAt(ufs) + 96, 0x7fffffff),
    found: 'group',
    message: /map at byte 2147483647/,
  },
  {
    name: 'a wrong count of a group',
    plant: (b, ufs) => b.setU32(groupAt(ufs) + 32, 3),
    found: 'count',
    message: /cylinder group 0 says 3 free inodes/,
  },
  {
    name: 'a wrong count of runs of fragments',
    plant: (b, ufs) => b.setU32(groupAt(ufs) + 52 + 4, 77),
    found: 'count',
    message: /says 77 runs of 1 free fragments/,
  },
  {
    name: 'a wrong cluster summary',
    plant: (b, ufs) => b.setU32(groupAt(ufs) + b.u32(groupAt(ufs) + 104) + 4, 55),
    found: 'count',
    message: /says 55 clusters of 1 free blocks/,
  },
  {
    name: 'a wrong map of clusters',
    plant: (b, ufs) => flip(b, groupAt(ufs) + b.u32(groupAt(ufs) + 108), 0),
    found: 'bitmap',
    message: /map of free clusters is wrong at 1/,
  },
  {
    name: 'a wrong summary beside the superblock',
    plant: (b, ufs) => b.setU32(ufs.superblock.summaryPlace * ufs.fragmentSize + 8, 9),
    found: 'count',
    message: /summary of cylinder group 0 says 9 free inodes/,
  },
  {
    name: 'a used fragment marked as free',
    plant: (b, ufs) => {
      const fragment = (ufs.bmap(ufs.lookup('one'), 0).sector * 512) / ufs.fragmentSize
      flip(b, groupAt(ufs) + b.u32(groupAt(ufs) + 96) + (fragment >> 3), fragment & 7)
    },
    found: 'bitmap',
    message: /in use, but marked as free/,
  },
  {
    name: "a fragment that is nobody's",
    plant: (b, ufs) => {
      let fragment = ufs.superblock.dataPlace
      while (!ufs.groups.group(0).isFree(fragment)) fragment++
      flip(b, groupAt(ufs) + b.u32(groupAt(ufs) + 96) + (fragment >> 3), fragment & 7)
    },
    found: 'bitmap',
    message: /marked as used, but nobody/,
  },
  {
    name: 'an inode in use marked as free',
    plant: (b, ufs) => {
      const inode = ufs.lookup('one')
      flip(b, groupAt(ufs) + b.u32(groupAt(ufs) + 92) + (inode >> 3), inode & 7)
    },
    found: 'bitmap',
    message: /in use, but marked as free/,
  },
  {
    name: 'a free inode marked as used',
    plant: (b, ufs) =>
      flip(
        b,
        groupAt(ufs) + b.u32(groupAt(ufs) + 92) + ((ufs.superblock.inodesPerGroup - 1) >> 3),
        (ufs.superblock.inodesPerGroup - 1) & 7,
      ),
    found: 'bitmap',
    message: /marked as used, but it is not/,
  },
  {
    name: 'a mode that no file has',
    plant: (b, ufs) => b.setU16(inodeAt(ufs, 'one'), 0o030644),
    found: 'inode',
    message: /mode 030644/,
  },
  {
    name: 'an inode that was cleared',
    plant: (b, ufs) => b.setU16(inodeAt(ufs, 'one'), 0),
    found: 'directory',
    message: /"one" is inode \d+, which is not in use/,
  },
  {
    name: 'an impossible size',
    plant: (b, ufs) => b.setI64(inodeAt(ufs, 'one') + (ufs.superblock.version === 2 ? 16 : 8), -4),
    found: 'inode',
    message: /says it has -4 bytes/,
  },
  {
    name: 'a wrong number of sectors',
    plant: (b, ufs) =>
      b.setU32(
        inodeAt(ufs, 'one') + (ufs.superblock.version === 1 ? 104 : ufs.superblock.isLittleEndian ? 24 : 28),
        4711,
      ),
    found: 'inode',
    message: /says it has 4711 sectors/,
  },
  {
    name: 'a wrong number of links',
    plant: (b, ufs) => b.setU16(inodeAt(ufs, 'one') + 2, 5),
    found: 'links',
    message: /says it has 5 names; 1 were found/,
  },
  {
    name: 'a pointer past the file system',
    plant: (b, ufs) => setPointer(b, ufs, inodeAt(ufs, 'tail') + directAt(ufs), 0x7ffffff8),
    found: 'pointer',
    message: /leads to fragments 2147483640/,
  },
  {
    name: 'two files with one block',
    plant: (b, ufs) => {
      const other = ufs.inode(ufs.lookup('direct')).direct(0)
      setPointer(b, ufs, inodeAt(ufs, 'tail') + directAt(ufs), other)
    },
    found: 'duplicate',
    message: /belongs to another block/,
  },
  {
    name: "a file in the superblock's place",
    plant: (b, ufs) => setPointer(b, ufs, inodeAt(ufs, 'tail') + directAt(ufs), ufs.superblock.fragmentsPerBlock),
    found: 'duplicate',
    message: /or to the file system itself/,
  },
  {
    name: 'an indirect block that leads to itself',
    plant: (b, ufs) => {
      const block = ufs.inode(ufs.lookup('indirect')).indirect(1)
      setPointer(b, ufs, block * ufs.fragmentSize, block)
    },
    found: 'duplicate',
    message: /belongs to another block/,
  },
  {
    name: 'a triple indirect block that is the single one',
    plant: (b, ufs) => {
      const block = ufs.inode(ufs.lookup('indirect')).indirect(1)
      setPointer(b, ufs, inodeAt(ufs, 'indirect') + directAt(ufs) + 14 * wide(ufs), block)
    },
    found: 'duplicate',
    message: /belongs to another block/,
  },
  {
    name: 'a block behind the end of a file',
    plant: (b, ufs) => {
      let fragment = ufs.superblock.dataPlace
      while (
        ufs.groups.group(0).bitsOf(fragment / ufs.superblock.fragmentsPerBlock) !==
        (1 << ufs.superblock.fragmentsPerBlock) - 1
      )
        fragment += ufs.superblock.fragmentsPerBlock
      setPointer(b, ufs, inodeAt(ufs, 'one') + directAt(ufs) + 5 * wide(ufs), fragment)
    },
    found: 'pointer',
    message: /has a block behind its end/,
  },
  {
    name: 'a name that leads to a free inode',
    plant: (b, ufs) => b.setU32(entryAt(ufs, ROOT_INODE, 'one'), ufs.superblock.inodesPerGroup - 1),
    found: 'directory',
    message: /which is not in use/,
  },
  {
    name: 'a file without a name',
    plant: (b, ufs) => b.setU32(entryAt(ufs, ROOT_INODE, 'one'), 0),
    found: 'links',
    message: /no directory names it/,
  },
  {
    name: 'a name of another kind',
    plant: (b, ufs) => void (b.bytes[entryAt(ufs, ROOT_INODE, 'one') + 6] = 4),
    found: 'directory',
    message: /is of another kind/,
  },
  {
    name: 'a directory that is its own child',
    plant: (b, ufs) => b.setU32(entryAt(ufs, ufs.lookup('sub'), 'deep'), ufs.lookup('sub')),
    found: 'directory',
    message: /has another name/,
  },
  {
    name: 'a wrong ..',
    plant: (b, ufs) => b.setU32(entryAt(ufs, ufs.lookup('sub'), '..'), ufs.lookup('many')),
    found: 'directory',
    message: /"\.\." is not inode 2/,
  },
  {
    name: 'an entry without length',
    plant: (b, ufs) => b.setU16(entryAt(ufs, ROOT_INODE, 'one') + 4, 0),
    found: 'directory',
    message: /has 0 bytes/,
  },
  {
    name: 'a name longer than its entry',
    plant: (b, ufs) => void (b.bytes[entryAt(ufs, ROOT_INODE, 'one') + 7] = 200),
    found: 'directory',
    message: /name of 200 bytes/,
  },
  {
    name: 'a root that is no directory',
    plant: (b, ufs) => b.setU16(ufs.superblock.inodeOffset(ROOT_INODE), 0o100644),
    found: 'directory',
    message: /root directory is not there/,
  },
]

describe.skipIf(!hasMakefs).each([shapes[0]!, shapes[3]!])('the check of UFS$version $order', (shape) => {
  it('finds nothing in an image of makefs, and counts what there is', () => {
    const ufs = openImage(makeImage(shape))
    const result = checkFileSystem(ufs)
    expect(result.problems).toEqual([])
    expect(result.directories).toBe(4)
    expect(result.files).toBe(makeTree(shape).size + 4)
    expect(result.freeFragments * ufs.fragmentSize).toBe(ufs.freeBytes)
    expect(result.usedFragments + result.freeFragments).toBe(ufs.superblock.sizeFragments)
  })

  it.each(damages)('finds $name', ({ plant, found, message }) => {
    const image = makeImage(shape)
    plant(new Fields(image, shape.order === 'le'), openImage(image), shape)
    const { problems } = checkFileSystem(openImage(image))
    const which = problems.filter((problem) => problem.kind === found && message.test(problem.message))
    expect(which, problems.map((problem) => problem.message).join('\n')).not.toEqual([])
  })
})

describe.skipIf(!hasMakefs)('a hostile image', () => {
  const superblocks: [string, number, number, RegExp][] = [
    ['block size', 48, 0, /0 is no possible block size/],
    ['block size', 48, 1 << 20, /1048576 is no possible block size/],
    ['fragment size', 52, 0, /0 is no possible fragment size/],
    ['fragments per block', 56, 0, /number of fragments in a block/],
    ['groups', 44, 0, /number of cylinder groups/],
    ['groups', 44, 0xffffffff, /number of cylinder groups/],
    ['fragments per group', 188, 0, /number of fragments in a cylinder group/],
    ['inodes per group', 184, 0, /number of inodes in a cylinder group/],
    ['inodes per group', 184, 0x7fffff80, /place of inodes/],
    ['inodes per block', 120, 0, /number of inodes in a block/],
    ['pointers per block', 116, 1, /number of pointers in a block/],
    ['size', 1080, 0x7fffffff, /the device has 12582912/],
    ['group size', 160, 1 << 30, /size of a cylinder group's block/],
    ['summary size', 156, 0, /size of the summaries/],
    ['cluster summaries', 1316, 0x7fffffff, /size of the cluster summaries/],
    ['inode place', 16, 0x7ffffff8, /place of inodes/],
  ]
  it.each(superblocks)('with a wrong %s at %i (%i) is refused with the field', (_, at, value, message) => {
    const image = makeImage(shapes[0]!)
    new Fields(image, true).setU32(8192 + at, value)
    expect(() => openImage(image)).toThrow(message)
  })

  it('of another kind is no UFS', () => {
    expect(() => openImage(noise(1 << 20, 1))).toThrow(/no UFS superblock at byte 65536, 8192, 0, 262144/)
  })

  it('whose making was not finished is said to be that', () => {
    const image = makeImage(shapes[0]!)
    new Fields(image, true).setU32(8192 + 1372, 0x19960408)
    expect(() => openImage(image)).toThrow(/newfs stopped half-way/)
  })

  it('that was cut off is said to be that', () => {
    expect(() => openImage(makeImage(shapes[0]!).subarray(0, 4 << 20))).toThrow(/the image was cut off/)
  })

  it('never hangs or crashes anything: errors only, in bounded work', () => {
    let opened = 0
    for (const shape of [shapes[1]!, shapes[2]!])
      for (let round = 0; round < 24; round++) {
        const image = makeImage(shape)
        const places = noise(60, round)
        const ufs = openImage(image)
        // metadata are where damage matters: superblock, group, inodes, directories, indirect blocks
        const targets = [
          ufs.superblock.place,
          groupAt(ufs),
          ufs.superblock.inodeOffset(2),
          ufs.bmap(ROOT_INODE, 0).sector * 512,
          ufs.inode(ufs.lookup('indirect')).indirect(1) * ufs.fragmentSize,
        ]
        for (let i = 0; i + 3 < places.length; i += 4) {
          if (round % 4 !== 0 && i % 20 === 0) continue
          const at = targets[(i / 4) % targets.length]! + ((places[i]! << 3) | (places[i + 1]! & 7))
          image[at] = places[i + 2]! < 128 ? 0xff : places[i + 3]!
        }
        const attempt = (action: () => void): void => {
          try {
            action()
          } catch (error) {
            if (!(error instanceof UfsError)) throw error
          }
        }
        attempt(() => {
          const damaged = openImage(image)
          opened++
          attempt(() => void checkFileSystem(damaged))
          for (const name of makeTree(shape).keys())
            attempt(() => {
              const file = damaged.lookup(name)
              if (damaged.sizeBytes(file) > 1 << 24) return
              damaged.readAt(file, 0, 1 << 24)
              damaged.writeAt(file, 100, noise(9000, 1))
              damaged.setSize(file, 3)
            })
          attempt(() => damaged.unlink(ROOT_INODE, 'tail'))
          attempt(() => damaged.flush())
        })
      }
    expect(opened).toBeGreaterThan(10)
  }, 60_000)
})
