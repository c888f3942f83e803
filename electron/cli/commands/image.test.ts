// pager image on a disk as people have them: a GPT with a file system of makefs and swap space.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasProgram, makeImage, makeTree, run, shapes } from '../../../engine/ufs/testing.ts'
import { main } from '../main.ts'

const shape = shapes[5]!
const isPossible = hasProgram('makefs') && hasProgram('sgdisk')
if (!isPossible) console.log('makefs or sgdisk is not installed: pager image is not tested on a partitioned disk')
const hasIcat = hasProgram('icat')

const START = 1 << 20
let folder = ''
const file = (name: string) => path.join(folder, name)

/** Runs the command in this process. */
async function image(...args: string[]): Promise<{ status: number; out: Buffer; err: string }> {
  return command('image', ...args)
}

async function command(...args: string[]): Promise<{ status: number; out: Buffer; err: string }> {
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

function makeDisk(name: string): string {
  const disk = file(name)
  const fileSystem = makeImage(shape)
  writeFileSync(disk, '')
  truncateSync(disk, 32 << 20)
  execFileSync('sgdisk', ['-n', '1:2048:+12M', '-t', '1:a503', '-n', '2:0:+16M', '-t', '2:a502', disk], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  })
  const bytes = readFileSync(disk)
  fileSystem.copy(bytes, START)
  writeFileSync(disk, bytes)
  return disk
}

describe.skipIf(!isPossible)('pager image', () => {
  let disk = ''
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'pager-image-'))
    disk = makeDisk('disk.img')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('says what each partition holds', async () => {
    const { status, out } = await image(disk, '--json')
    expect(status).toBe(0)
    expect(JSON.parse(out.toString())).toMatchObject({
      sizeBytes: 32 << 20,
      content: null,
      partitions: [
        {
          index: 0,
          offsetBytes: START,
          lengthBytes: 12 << 20,
          scheme: 'gpt',
          content: { kind: 'ufs1', problem: null },
        },
        { index: 1, lengthBytes: 16 << 20, content: { kind: 'swap', freeBytes: null } },
      ],
    })
    expect((await image(disk)).out.toString()).toMatch(/UFS1, .* free\n/)
  })

  it('lists directories and copies files', async () => {
    const { out } = await image(disk, '--ls', 'sub/deep')
    expect(out.toString()).toMatch(/-rw-r--r-- +2 .* file\n/)
    expect(out.toString()).toContain('up -> ../../one')
    for (const name of ['tail', 'empty', '/sub/deep/up'])
      expect((await image(disk, '--cat', name)).out).toEqual(
        makeTree(shape).get(name === '/sub/deep/up' ? 'one' : name),
      )
  })

  it('checks a file system: clean, and damaged', async () => {
    expect((await image(disk, '--check')).out.toString()).toMatch(/^clean: UFS1, \d+ files, 4 directories/)
    const damaged = file('damaged.img')
    const bytes = readFileSync(disk)
    bytes[START + 8192 + 209] = 0
    bytes.writeInt32LE(4711, START + 8192 + 1016)
    writeFileSync(damaged, bytes)
    const { status, out } = await image(damaged, '--check', '--json')
    expect(status).toBe(1)
    expect(JSON.parse(out.toString())).toMatchObject({
      clean: false,
      problems: [{ kind: 'unclean' }, { kind: 'count' }],
    })
    expect((await image(damaged)).status).toBe(1)
  })

  it.each([
    [['--ls', '/none'], /there is no "none"/],
    [['--cat', 'sub'], /sub is no regular file/],
    [['--cat', 'one', '--check'], /one of --ls, --cat, --check and --apply only/],
    [['--partition', '1', '--check'], /no UFS superblock/],
    [['--partition', '9', '--check'], /has no partition 9/],
    [['--partition', 'x', '--check'], /--partition: "x"/],
    [['--apply', '3'], /run 3 has kept no overlay/],
  ])('%j is refused in one line', async (args, said) => {
    const { status, out, err } = await image(disk, ...args)
    expect([status, out.length]).toEqual([2, 0])
    expect(err).toMatch(said)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
  })

  it('writes into the image what a run has changed in a file, for another reader to see', async () => {
    const changed = makeDisk('changed.img')
    const experiment = {
      name: 'update',
      machine: { frames: 128 },
      keepOverlays: true,
      swap: { devices: [{ image: changed, partition: 1 }] },
      files: { pager: 'freebsd', image: changed, partition: 0, path: 'indirect', mapping: 'shared' },
      processes: [{ name: 'p', workload: { generator: 'uniform', parameters: { pages: 239, references: 3000 } } }],
    }
    writeFileSync(file('update.json'), JSON.stringify(experiment))
    const ran = await command('run', file('update.json'), '--json')
    expect(ran.err + String(ran.status)).toBe('0')
    const { run: id } = JSON.parse(ran.out.toString())
    const before = readFileSync(changed)
    expect((await image(changed, '--apply', String(id))).status).toBe(0)
    expect(readFileSync(changed).equals(before)).toBe(false)
    expect((await image(changed, '--check')).out.toString()).toMatch(/^clean/)
    const { out } = await image(changed, '--cat', 'indirect')
    expect(out.length).toBe(makeTree(shape).get('indirect')!.length)
    expect(out.equals(makeTree(shape).get('indirect')!)).toBe(false)
    if (hasIcat) {
      const [{ inode }] = JSON.parse((await image(changed, '--ls', 'indirect', '--json')).out.toString())
      expect(run('icat', ['-f', 'ufs', '-o', '2048', changed, String(inode)]).equals(out)).toBe(true)
    }
    expect((await image(changed, '--apply', String(id))).err).toContain('has been written into')
  }, 60_000)
})
