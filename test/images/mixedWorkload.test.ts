// A disk as people have them, a GPT with a file system of makefs and a swap partition, under all three kernels' vnode pagers: a
// program maps a file, stores into it, writes it, and has more anonymous memory than fits. What the runs leave on the image is read by
// others: by icat, and by the check.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { main } from '../../electron/cli/main.ts'
import { checkFileSystem } from '../../engine/ufs/check.ts'
import { hasProgram, makeImage, makeTree, openImage, run, shapes } from '../../engine/ufs/testing.ts'
import { filePagerNames } from '../../engine/vnode/filePager.ts'

const isPossible = hasProgram('makefs') && hasProgram('sgdisk')
if (!isPossible) console.log('makefs or sgdisk is not installed: no partitioned disk is paged')
const hasIcat = hasProgram('icat')
if (!hasIcat) console.log('icat is not installed: what was written is not read by another program')

const START = 1 << 20
const UFS_BYTES = 12 << 20
/** The file that is paged, and its pages that the program maps. */
const NAME = 'indirect'
const MAPPED = 200

let folder = ''
const file = (name: string) => path.join(folder, name)

async function pager(...args: string[]): Promise<{ status: number; out: Buffer; err: string }> {
  const [out, err] = [[] as Buffer[], [] as string[]]
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((part) => (out.push(Buffer.from(part)), true))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((part) => (err.push(String(part)), true))
  try {
    const status = await main([...args, '--workspace', file('workspace')])
    return { status, out: Buffer.concat(out), err: err.join('') }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

function makeDisk(name: string, shape: (typeof shapes)[number]): string {
  const disk = file(name)
  writeFileSync(disk, '')
  truncateSync(disk, 32 << 20)
  run('sgdisk', ['-n', '1:2048:+12M', '-t', '1:a503', '-n', '2:0:+16M', '-t', '2:a502', disk])
  const bytes = readFileSync(disk)
  makeImage(shape, UFS_BYTES).copy(bytes, START)
  writeFileSync(disk, bytes)
  return disk
}

/** A fifth of the references store, a third of the memory is the file. */
const experiment = (disk: string, kernel: string) => ({
  name: `mixed ${kernel}`,
  machine: { frames: 300 },
  untouched: 'zero',
  keepOverlays: true,
  swap: { devices: [{ image: disk, partition: 1 }] },
  files: { pager: kernel, image: disk, partition: 0, path: NAME, syncerSeconds: 0.05 },
  processes: [
    {
      name: 'p',
      workload: { generator: 'uniform', parameters: { pages: 600, references: 4000, writeFraction: 0.2 } },
      verbs: [
        { at: 0, verb: 'file-map', page: 1024, pages: MAPPED, file: NAME },
        { at: 1000, verb: 'file-read', file: NAME, bytes: 15 * 65536 + 100 },
        { at: 2000, verb: 'file-write', file: NAME, offset: 900_001, bytes: 50_000 },
        { at: 3000, verb: 'file-sync', file: NAME },
      ],
    },
  ],
})

describe.skipIf(!isPossible)('a mixed workload on a partitioned disk', () => {
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'pager-mixed-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    { shape: { ...shapes[5]!, version: 2 as const }, kernels: filePagerNames },
    { shape: shapes[5]!, kernels: ['netbsd'] },
  ])(
    'leaves the same file on UFS$shape.version under $kernels, as other readers find it, and a clean file system',
    async ({ shape, kernels }) => {
      const original = makeTree(shape).get(NAME)!
      const left: Buffer[] = []
      for (const kernel of kernels) {
        const disk = makeDisk(`${kernel}${shape.version}.img`, shape)
        writeFileSync(file('mixed.json'), JSON.stringify(experiment(disk, kernel)))
        const ran = await pager('run', file('mixed.json'), '--json')
        expect([ran.status, ran.err]).toEqual([0, ''])
        const totals = JSON.parse(ran.out.toString())
        for (const moved of ['swapins', 'swapouts', 'vnodeins', 'vnodeouts']) expect(totals[moved]).toBeGreaterThan(0)
        expect(totals.bytesVerified).toBe(totals.bytesRead)

        expect((await pager('image', disk, '--apply', String(totals.run))).status).toBe(0)
        const image = readFileSync(disk).subarray(START, START + UFS_BYTES)
        const fileSystem = openImage(image)
        expect(checkFileSystem(fileSystem).problems).toEqual([])
        const bytes = Buffer.from(fileSystem.readAt(fileSystem.lookup(NAME), 0, 1 << 24))
        left.push(bytes)
        expect(bytes.length).toBe(original.length)
        // the pages that nothing stored into are as they were
        expect(bytes.subarray(MAPPED * 4096, 900_001).equals(original.subarray(MAPPED * 4096, 900_001))).toBe(true)
        expect(bytes.subarray(950_001).equals(original.subarray(950_001))).toBe(true)
        expect(bytes.subarray(0, MAPPED * 4096).equals(original.subarray(0, MAPPED * 4096))).toBe(false)
        expect(bytes.subarray(900_001, 950_001).equals(original.subarray(900_001, 950_001))).toBe(false)
        for (const [name, expected] of makeTree(shape))
          if (name !== NAME)
            expect(Buffer.from(fileSystem.readAt(fileSystem.lookup(name), 0, 1 << 24)).equals(expected)).toBe(true)
        if (hasIcat && shape.version === 1)
          expect(run('icat', ['-f', 'ufs', '-o', '2048', disk, String(fileSystem.lookup(NAME))]).equals(bytes)).toBe(
            true,
          )
      }
      expect(left.every((bytes) => bytes.equals(left[0]!))).toBe(true)
    },
  )
})
