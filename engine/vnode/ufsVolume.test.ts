import { describe, expect, test } from 'vitest'
import type { FileSource } from '../sim/machineFiles.ts'
import { Counter } from '../sim/metrics.ts'
import { runToEnd, testMachine, type TestMachineOptions } from '../sim/testing.ts'
import { checkFileSystem } from '../ufs/check.ts'
import { UfsFileSystem } from '../ufs/fileSystem.ts'
import { hasProgram, makeImage, makeTree, MemoryStore, openImage, shapes } from '../ufs/testing.ts'
import { FIRST_PAGE_NUMBER } from '../workload/generators/generator.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import type { VerbAction } from '../workload/verbs.ts'
import { filePagerNames, type FilePagerName } from './filePager.ts'
import { UfsVolume } from './ufsVolume.ts'

const hasMakefs = hasProgram('makefs')
if (!hasMakefs) console.log('makefs is not installed: no UFS image is paged')

const cases = filePagerNames.flatMap((pager) => shapes.slice(0, 4).map((shape) => ({ pager, shape })))

/** A machine whose only process makes these calls on a file of an image. */
function onImage(
  pager: FilePagerName,
  image: Uint8Array,
  name: string,
  verbs: VerbAction[],
  more: Partial<TestMachineOptions> = {},
) {
  const store = new MemoryStore(image)
  const fileSystem = UfsFileSystem.open(store)
  const file = fileSystem.lookup(name)
  const fileSource: FileSource = {
    volume: new UfsVolume(fileSystem),
    store,
    file,
    isDevice: false,
    name,
    readAll: () => fileSystem.readAt(file, 0, fileSystem.sizeBytes(file)),
  }
  return testMachine({
    streams: [generateWorkload('sequential', { pages: 8, referencesPerPage: 1 }).processes[0]!],
    frames: 500,
    swapPages: [],
    timing: 'ssd',
    verbs: [verbs.map((verb) => ({ ...verb, at: 0 }))],
    fileSource,
    change: (experiment) => {
      experiment.files = {
        pager,
        image: { name: 'image', partition: null, path: name, mode: 'write-through' },
        mapping: 'private',
        named: [],
        blockSize: 16384,
        syncerSeconds: 0.05,
        nbuf: 0,
        hirunningspace: 1048576,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
    ...more,
  })
}

describe.skipIf(!hasMakefs).each(cases)(
  "$pager's pager on UFS$shape.version $shape.order $shape.blockSize/$shape.fragmentSize",
  ({ pager, shape }) => {
    test('reads files of all kinds byte for byte', () => {
      for (const name of ['tail', 'direct', 'indirect', 'sub/deep/file']) {
        const bytes = makeTree(shape).get(name)!
        const under = onImage(pager, makeImage(shape), name, [
          { verb: 'file-read', file: name, offset: 0, bytes: bytes.length },
        ])
        expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
        expect(under.machine.totals()[Counter.bytesVerified]).toBeGreaterThanOrEqual(bytes.length)
        under.close()
      }
    })

    test('what was written, cut and added is on the image afterwards, and the rest of the file system with it', () => {
      const image = makeImage(shape)
      const name = 'indirect'
      const size = shape.blockSize * 15 + 100
      const under = onImage(pager, image, name, [
        { verb: 'file-write', file: name, offset: 1000, bytes: 50000, isSync: false },
        { verb: 'file-write', file: name, offset: size - 10, bytes: 9000, isSync: true },
        { verb: 'file-write', file: name, offset: 512, bytes: 3 * shape.blockSize, isSync: false, isDirect: true },
        { verb: 'file-truncate', file: name, bytes: 3 * shape.blockSize + 777 },
        { verb: 'file-sync', file: name },
        { verb: 'file-truncate', file: name, bytes: 6 * shape.blockSize + 5 },
        { verb: 'file-write', file: name, offset: 5 * shape.blockSize + 3, bytes: 100, isSync: false },
        { verb: 'file-read', file: name, offset: 0, bytes: 6 * shape.blockSize + 5 },
      ])
      expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
      const { files } = under.machine
      const expected = files!.truth.bytesOf(files!.named.get(name)!)
      const again = openImage(image)
      const file = again.lookup(name)
      expect(again.sizeBytes(file)).toBe(6 * shape.blockSize + 5)
      expect(Buffer.from(again.readAt(file, 0, expected.length)).equals(expected)).toBe(true)
      for (const other of ['tail', 'direct', 'sub/deep/file'])
        expect(Buffer.from(again.readAt(again.lookup(other), 0, 1 << 24)).equals(makeTree(shape).get(other)!)).toBe(
          true,
        )
      under.close()
    })

    test.each([true, false])('a file that is removed goes with its last user (closed by a call: %s)', (isClosed) => {
      const image = makeImage(shape)
      const free = openImage(image).freeBytes
      const name = 'sub/deep/../../indirect'
      const file = openImage(image).lookup(name)
      const size = shape.blockSize * 15 + 100
      const under = onImage(pager, image, name, [
        { verb: 'file-write', file: name, offset: 1000, bytes: size, isSync: true },
        { verb: 'file-unlink', file: name },
        { verb: 'file-open', file: name },
        { verb: 'sync' },
        ...(isClosed ? [{ verb: 'file-close', file: name } as const] : []),
      ])
      expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
      expect(under.messages.map(({ id, text }) => `${id}: ${text}`)).toEqual([expect.stringMatching(/errno 2\./)])
      const again = openImage(image)
      expect(checkFileSystem(again).problems).toEqual([])
      expect(again.freeBytes).toBeGreaterThan(free)
      expect(again.list(2).some((entry) => entry.name === 'indirect')).toBe(false)
      expect(again.inode(file)).toMatchObject({ mode: 0, size: 0, sectors: 0 })
      under.close()
    })

    test('with another name, or by a symbolic link, a file stays, and what was written to it', () => {
      for (const name of ['second name', 'link']) {
        const image = makeImage(shape)
        const under = onImage(pager, image, name, [
          { verb: 'file-write', file: name, offset: 5, bytes: 1000, isSync: false },
          { verb: 'file-unlink', file: name },
          { verb: 'file-close', file: name },
        ])
        const object = under.machine.files!.named.get(name)!
        expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
        const again = openImage(image)
        expect(checkFileSystem(again).problems).toEqual([])
        expect(again.list(2).some((entry) => entry.name === name)).toBe(false)
        const expected = under.machine.files!.truth.bytesOf(object)
        expect(Buffer.from(again.readAt(again.lookup('sub/deep/file'), 0, 1 << 20)).equals(expected)).toBe(true)
        under.close()
      }
    })
  },
)

describe.skipIf(!hasMakefs).each(filePagerNames)("%s's pager and the syncer", (pager) => {
  // the syncer goes round all the time, while faults wait for memory
  test.each([1, 4, 6])('all that a mapping has stored is on the image at the end (seed %d)', (seed) => {
    const image = makeImage(shapes[5]!)
    const name = 'indirect'
    const under = onImage(
      pager,
      image,
      name,
      [{ verb: 'file-map', page: FIRST_PAGE_NUMBER, pages: 200, file: name, offset: 0 }],
      {
        streams: [
          generateWorkload('uniform', { pages: 600, references: 6000, writeFraction: 0.2, seed }).processes[0]!,
        ],
        frames: 300,
        swapPages: [1024],
      },
    )
    expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
    const { files } = under.machine
    const expected = files!.truth.bytesOf(files!.named.get(name)!)
    const again = openImage(image)
    expect(Buffer.from(again.readAt(again.lookup(name), 0, expected.length)).equals(expected)).toBe(true)
    under.close()
  })
})
