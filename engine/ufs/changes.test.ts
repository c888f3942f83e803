import fc from 'fast-check'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkFileSystem } from './check.ts'
import { ROOT_INODE } from './fileSystem.ts'
import {
  hasProgram,
  makeImage,
  makeTree,
  MemoryStore,
  noise,
  openImage,
  run,
  shapes,
  ufsErrorOf,
  type Shape,
} from './testing.ts'

const hasMakefs = hasProgram('makefs')
const hasIcat = hasProgram('icat')
if (!hasIcat) console.log('sleuthkit is not installed: UFS images are not compared with it')

const change = fc.oneof(
  fc.record({
    do: fc.constant('write' as const),
    file: fc.nat(3),
    offset: fc.oneof(fc.nat(100_000), fc.nat(3_000_000)),
    length: fc.integer({ min: 1, max: 70_000 }),
  }),
  fc.record({ do: fc.constant('size' as const), file: fc.nat(3), size: fc.oneof(fc.nat(90_000), fc.nat(3_000_000)) }),
  fc.record({ do: fc.constant('again' as const), file: fc.nat(3) }),
  fc.record({ do: fc.constant('flush' as const) }),
)

describe.skipIf(!hasMakefs).each(shapes)('UFS$version $order $blockSize/$fragmentSize', (shape) => {
  it('stays consistent and keeps every byte through any changes of files', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const image = makeImage(shape)
        let ufs = openImage(image)
        const names = ['tail', 'one', 'indirect', 'a new file with a name']
        ufs.create(ROOT_INODE, names[3]!)
        const model = names.map((name) => Buffer.from(makeTree(shape).get(name) ?? []))
        changes.forEach((each, step) => {
          if (each.do === 'flush') {
            ufs.flush()
            ufs = openImage(image)
            return
          }
          const file = ufs.lookup(names[each.file]!)
          const old = model[each.file]!
          if (each.do === 'write') {
            const bytes = noise(each.length, step)
            const size = Math.max(old.length, each.offset + each.length)
            const grown = Buffer.concat([old, Buffer.alloc(size - old.length)])
            bytes.copy(grown, each.offset)
            ufs.writeAt(file, each.offset, bytes)
            model[each.file] = grown
          } else if (each.do === 'size') {
            ufs.setSize(file, each.size)
            const cut = old.subarray(0, each.size)
            model[each.file] = Buffer.concat([cut, Buffer.alloc(each.size - cut.length)])
          } else {
            ufs.unlink(ROOT_INODE, names[each.file]!)
            ufs.create(ROOT_INODE, names[each.file]!)
            model[each.file] = Buffer.alloc(0)
          }
        })
        ufs.flush()
        ufs = openImage(image)
        expect(checkFileSystem(ufs).problems).toEqual([])
        names.forEach((name, index) => {
          const file = ufs.lookup(name)
          expect(ufs.sizeBytes(file)).toBe(model[index]!.length)
          expect(model[index]!.equals(ufs.readAt(file, 0, model[index]!.length))).toBe(true)
        })
      }),
      { numRuns: 12, seed: 7 },
    )
  })

  it('refuses what does not fit and is as it was', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const file = ufs.lookup('tail')
    const before = { size: ufs.sizeBytes(file), sectors: ufs.inode(file).sectors }
    expect(ufsErrorOf(() => ufs.allocate(file, 0, 20 << 20)).code).toBe('no-space')
    expect({ size: ufs.sizeBytes(file), sectors: ufs.inode(file).sectors }).toEqual(before)
    ufs.flush()
    expect(checkFileSystem(openImage(image)).problems).toEqual([])
  })

  it('maps files to runs that bytes can be moved by', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const bytes = makeTree(shape).get('indirect')!
    const file = ufs.lookup('indirect')
    const blocks = Math.ceil(bytes.length / shape.blockSize)
    for (let block = 0; block < blocks; block++) {
      const { sector, runAfter, runBefore } = ufs.bmap(file, block)
      const at = sector * 512
      const length = Math.min(shape.blockSize, bytes.length - block * shape.blockSize)
      const expected = bytes.subarray(block * shape.blockSize, block * shape.blockSize + length)
      expect(image.subarray(at, at + length).equals(expected)).toBe(true)
      if (runAfter > 0)
        expect(ufs.bmap(file, block + runAfter).sector).toBe(sector + (runAfter * shape.blockSize) / 512)
      if (runBefore > 0)
        expect(ufs.bmap(file, block - runBefore).sector).toBe(sector - (runBefore * shape.blockSize) / 512)
    }
    expect(ufs.bmap(file, blocks)).toEqual({ sector: -1, runAfter: 0, runBefore: 0 })
    expect(ufs.bmap(file, -1).sector).toBe(-1)
    // twelve direct pointers are one table: a run ends there
    expect(ufs.bmap(file, 0, 100).runAfter).toBe(11)
    expect(ufs.bmap(file, 12, 100).runBefore).toBe(0)
  })

  it('tells holes from blocks, and fills them', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const file = ufs.create(ROOT_INODE, 'sparse')
    const { blockSize } = shape
    ufs.setSize(file, blockSize * 20)
    expect(ufs.bmap(file, 3, 4)).toEqual({ sector: -1, runAfter: 4, runBefore: 3 })
    expect(ufs.bmap(file, 19).sector).toBeGreaterThan(0)
    ufs.allocate(file, blockSize * 3, 1)
    expect(ufs.bmap(file, 3).sector).toBeGreaterThan(0)
    expect(ufs.bmap(file, 0, 100)).toEqual({ sector: -1, runAfter: 2, runBefore: 0 })
    expect(ufs.readAt(file, 0, blockSize * 20).every((byte) => byte === 0)).toBe(true)
    ufs.unlink(ROOT_INODE, 'sparse')
    ufs.flush()
    expect(checkFileSystem(openImage(image)).problems).toEqual([])
  })

  it('fills directories until they grow, and empties them', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const directory = ufs.lookup('many')
    // few inodes are free in a small file system
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 20; i++) ufs.create(directory, `${'long '.repeat(20)}${round} ${i}`)
      for (let i = 0; i < 19; i++) ufs.unlink(directory, `${'long '.repeat(20)}${round} ${i}`)
    }
    ufs.flush()
    const again = openImage(image)
    expect(again.list(directory)).toHaveLength(122 + 20)
    expect(checkFileSystem(again).problems).toEqual([])
  })

  it('keeps a file without a name until it is released, and one that has another name', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const free = ufs.freeBytes
    const bytes = makeTree(shape).get('indirect')!
    const file = ufs.removeName(ROOT_INODE, 'indirect', 3_000_000_000)
    expect(ufsErrorOf(() => ufs.lookup('indirect')).code).toBe('no-such-file')
    expect(bytes.equals(ufs.readAt(file, 0, bytes.length))).toBe(true)
    ufs.flush()
    expect(checkFileSystem(openImage(image)).problems).toHaveLength(1)
    ufs.release(file)
    ufs.unlink(ROOT_INODE, 'second name')
    ufs.flush()
    const again = openImage(image)
    expect(checkFileSystem(again).problems).toEqual([])
    expect(again.freeBytes).toBeGreaterThanOrEqual(free + bytes.length)
    expect(again.inode(file)).toMatchObject({ mode: 0, links: 0, size: 0, sectors: 0, hasBlocks: false })
    expect(again.inode(file).time('ctime').seconds).toBe(ufs.superblock.time)
    expect(again.inode(ROOT_INODE).time('mtime').seconds).toBe(ufs.superblock.time)
    const other = again.lookup('sub/deep/file')
    expect(again.inode(other).links).toBe(1)
    expect(
      makeTree(shape)
        .get('sub/deep/file')!
        .equals(again.readAt(other, 0, 1 << 20)),
    ).toBe(true)
  })

  it('frees short and long symbolic links, and extended attributes', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const inode = ufs.inode(ufs.lookup('one'))
    if (shape.version === 2) {
      // a block and a fragment of them
      ;[shape.blockSize, 1].forEach((length, index) => {
        const count = Math.ceil(length / shape.fragmentSize)
        inode.fields.setI64(96 + 8 * index, ufs.groups.allocate(0, count))
        inode.addSectors((count * shape.fragmentSize) / 512)
      })
      inode.fields.setU32(92, shape.blockSize + 1)
      ufs.touch(inode.number, true, 0)
    }
    ufs.flush()
    expect(checkFileSystem(openImage(image)).problems).toEqual([])
    for (const name of ['one', 'link', 'long link', 'circle']) ufs.unlink(ROOT_INODE, name)
    ufs.flush()
    expect(checkFileSystem(openImage(image)).problems).toEqual([])
    expect(openImage(image).inode(inode.number)).toMatchObject({ mode: 0, sectors: 0, extendedBytes: 0 })
  })

  it('removes no file that a flag keeps', () => {
    const ufs = openImage(makeImage(shape))
    const inode = ufs.inode(ufs.lookup('one'))
    const flags = shape.version === 1 ? 100 : 88
    for (const flag of [0x2, 0x4, 0x10, 0x20000, 0x40000, 0x100000]) {
      inode.fields.setU32(flags, flag)
      expect(ufsErrorOf(() => ufs.unlink(ROOT_INODE, 'one')).code).toBe('not-permitted')
    }
    inode.fields.setU32(flags, 0)
    ufs.inode(ROOT_INODE).fields.setU32(flags, 0x4)
    expect(ufsErrorOf(() => ufs.unlink(ROOT_INODE, 'one')).errno).toBe(1)
    expect(ufs.lookup('one')).toBe(inode.number)
    expect(ufsErrorOf(() => ufs.unlink(ROOT_INODE, 'sub')).code).toBe('not-a-file')
  })

  it('notes times in the inode', () => {
    const image = makeImage(shape)
    const ufs = openImage(image)
    const file = ufs.lookup('one')
    const start = ufs.superblock.time
    ufs.touch(file, true, 5_000_000_123)
    ufs.touch(file, false, 7_000_000_000)
    ufs.flush()
    const inode = openImage(image).inode(file)
    expect(inode.time('mtime')).toEqual({ seconds: start + 5, nanoseconds: 123 })
    expect(inode.time('ctime')).toEqual({ seconds: start + 5, nanoseconds: 123 })
    expect(inode.time('atime')).toEqual({ seconds: start + 7, nanoseconds: 0 })
  })
})

// sleuthkit looks for a superblock of UFS2 at byte 65536 only, where makefs of Debian has its first backup if blocks are that large
const readBySleuthkit: Shape[] = [
  ...shapes.filter(({ version }) => version === 1),
  { version: 2, order: 'le', blockSize: 65536, fragmentSize: 8192 },
  { version: 2, order: 'be', blockSize: 65536, fragmentSize: 16384 },
]

describe.skipIf(!hasMakefs || !hasIcat).each(readBySleuthkit)(
  'changes of UFS$version $order $blockSize/$fragmentSize',
  (shape) => {
    it('read the same to sleuthkit', () => {
      const image = makeImage(shape)
      const ufs = openImage(image)
      ufs.writeAt(ufs.lookup('tail'), 5, noise(shape.blockSize * 14, 99))
      ufs.setSize(ufs.lookup('direct'), shape.blockSize + 3)
      ufs.writeAt(ufs.create(ROOT_INODE, 'fresh'), shape.blockSize * 13, noise(1000, 98))
      const removed = ufs.lookup('one')
      ufs.unlink(ROOT_INODE, 'one')
      ufs.flush()
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pager-ufs-'))
      try {
        const file = path.join(folder, 'image')
        if (shape.version === 2) image.copy(image, 65536, 8192, 16384)
        fs.writeFileSync(file, image)
        const type = 'ufs'
        const listed = run('fls', ['-f', type, '-u', '-p', '-r', file]).toString()
        const names = listed
          .split('\n')
          .flatMap((line) => /^r\/r (\d+):\t(.*)$/.exec(line)?.slice(1, 3).join(' ') ?? [])
        expect(names).toContain(`${ufs.lookup('fresh')} fresh`)
        expect(names.some((name) => name.endsWith(' one'))).toBe(false)
        // its name is still to be seen in the room behind the entry before it, its inode is free
        expect(run('fls', ['-f', type, '-d', '-p', '-r', file]).toString()).toMatch(/\* \d+(\(realloc\))?:\tone\n/)
        expect(run('istat', ['-f', type, file, String(removed)]).toString()).toContain('Not Allocated')
        for (const name of ['tail', 'direct', 'indirect', 'fresh', 'sub/deep/file']) {
          const inode = ufs.lookup(name)
          const size = ufs.sizeBytes(inode)
          const bytes = run('icat', ['-f', type, file, String(inode)])
          expect(bytes.length, name).toBe(size)
          expect(bytes.equals(ufs.readAt(inode, 0, size)), name).toBe(true)
          expect(run('istat', ['-f', type, file, String(inode)]).toString()).toContain(`size: ${size}`)
        }
        expect(run('fsstat', ['-f', type, file]).toString()).toContain(`UFS ${shape.version}`)
      } finally {
        fs.rmSync(folder, { recursive: true, force: true })
      }
    })
  },
)

/** As newfs lays a disk out: several cylinder groups, the last one shorter. */
const grouped: Shape[] = [
  { version: 1, order: 'be', blockSize: 4096, fragmentSize: 512 },
  { version: 2, order: 'le', blockSize: 4096, fragmentSize: 512 },
]

describe.skipIf(!hasMakefs).each(grouped)('several cylinder groups of UFS$version $order', (shape) => {
  it('are filled by a file one after another, with a tail in fragments, and given back', () => {
    const image = makeImage(shape, 40 << 20)
    const ufs = openImage(image)
    expect(ufs.superblock.groups).toBeGreaterThan(2)
    const free = ufs.freeBytes
    const file = ufs.create(ROOT_INODE, 'large')
    const bytes = noise(30 * 1024 * 1024 + 3 * shape.fragmentSize - 1, 41)
    ufs.writeAt(file, 0, bytes)
    ufs.writeAt(ufs.create(ROOT_INODE, 'small'), 0, noise(shape.fragmentSize + 1, 42))
    ufs.flush()

    const again = openImage(image)
    expect(checkFileSystem(again).problems).toEqual([])
    expect(bytes.equals(again.readAt(again.lookup('large'), 0, bytes.length + 1))).toBe(true)
    const groupBytes = again.superblock.fragmentsPerGroup * shape.fragmentSize
    const blocks = Array.from(
      { length: 30 },
      (_, mebibyte) => again.bmap(file, (mebibyte << 20) / shape.blockSize).sector * 512,
    )
    expect(new Set(blocks.map((at) => Math.floor(at / groupBytes))).size).toBeGreaterThan(2)

    again.unlink(ROOT_INODE, 'large')
    again.unlink(ROOT_INODE, 'small')
    again.flush()
    const last = openImage(image)
    expect(checkFileSystem(last).problems).toEqual([])
    expect(last.freeBytes).toBe(free)
  })
})

describe.skipIf(!hasMakefs)('writing back', () => {
  it('keeps data that were written past the cache into a page of metadata', () => {
    const shape = shapes[2]!
    const image = makeImage(shape)
    const store = new MemoryStore(image)
    const ufs = openImage(image)
    const file = ufs.lookup('one')
    const { sector } = ufs.bmap(file, 0)
    // the pager's own write, after the cache may have read the page
    ufs.list(ROOT_INODE)
    const page = Math.floor((sector * 512) / 4096)
    const bytes = new Uint8Array(4096)
    store.readPages(page, [bytes], 1)
    bytes[(sector * 512) % 4096] = 0x5a
    store.writePages(page, [bytes], 1)
    for (let i = 0; i < 30; i++) ufs.writeAt(ufs.create(ROOT_INODE, `small ${i}`), 0, noise(300, i))
    ufs.flush()
    expect(openImage(image).readAt(file, 0, 1)).toEqual(new Uint8Array([0x5a]))
  })

  it('writes nothing where nothing was changed', () => {
    const image = makeImage(shapes[0]!)
    const before = Buffer.from(image)
    const ufs = openImage(image)
    ufs.lookup('sub/deep/file')
    ufs.flush()
    expect(image.equals(before)).toBe(true)
  })
})
