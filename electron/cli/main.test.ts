import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { totalsSchema } from '../contract/contract.ts'
import { smallExperiment } from '../service/testing.ts'
import { createWorkbench } from '../service/workbench.ts'
import { schemaFiles } from './schemas.ts'
import { main } from './main.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
let folder = ''
let workspace = ''

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'pager-cli-'))
  workspace = path.join(folder, 'workspace')
  write('small.json', smallExperiment())
  await pager('run', file('small.json'))
  writeFileSync(path.join(workspace, 'images', 'kept.img'), new Uint8Array(1 << 20))
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string) => path.join(folder, name)
const write = (name: string, value: object) => writeFileSync(file(name), JSON.stringify(value, null, 2))

/** Runs a command in this process. */
async function pager(command: string, ...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [[] as string[], [] as string[]]
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out.push(String(text)), true))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err.push(String(text)), true))
  try {
    const status = await main([command, ...args, ...(command === 'verify' || command === 'bench' ? [] : ['--workspace', workspace])])
    return { status, out: out.join(''), err: err.join('') }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

describe('pager run', () => {
  it('prints the totals as JSON, the same trace each time, recorded or not', async () => {
    const one = await pager('run', file('small.json'), '--json')
    const two = await pager('run', file('small.json'), '--json', '--no-record')
    expect([one.status, two.status]).toEqual([0, 0])
    expect(one.out.trimEnd()).not.toContain('\n')
    const [first, second] = [totalsSchema.parse(JSON.parse(one.out)), totalsSchema.parse(JSON.parse(two.out))]
    expect(first.run).toBeGreaterThan(0)
    expect(second).toMatchObject({ run: null, traceDigest: first.traceDigest })
  })

  it.skipIf(process.platform !== 'linux')('refuses a folder that cannot be made, at once', async () => {
    const { status, err } = await pager('run', file('small.json'), '--out', '/proc/nope')
    expect(status).toBe(2)
    expect(err).toMatch(/^pager run: \/proc\/nope cannot be written: there is no such folder/)
  })

  it('writes report, samples and totals where --out says', async () => {
    const { status, out } = await pager('run', file('small.json'), '--out', file('out'))
    expect(status).toBe(0)
    expect(out).toContain('trace digest')
    expect(readFileSync(file('out/report.html'), 'utf8')).toContain('<svg')
    expect(readFileSync(file('out/samples.csv'), 'utf8').split('\n').length).toBeGreaterThan(10)
    expect(totalsSchema.parse(JSON.parse(readFileSync(file('out/totals.json'), 'utf8'))).status).toBe('finished')
  })

  it('paths in an experiment start at its folder', async () => {
    writeFileSync(file('near.img'), new Uint8Array(16 << 20))
    write('near.json', smallExperiment({ swap: { devices: [{ image: './near.img', create: '16 MiB' }] } }))
    const { status, err } = await pager('run', file('near.json'), '--json')
    expect([status, err]).toEqual([0, ''])
  })

  it('a run that ends badly has status 1 and says why', async () => {
    const devices = [{ image: 'small.img', create: '64 KiB', timing: { model: 'ssd' } }]
    write('full.json', smallExperiment({ swap: { devices } }))
    const { status, out, err } = await pager('run', file('full.json'), '--json')
    const totals = totalsSchema.parse(JSON.parse(out))
    expect(status).toBe(totals.status === 'finished' ? 0 : 1)
    if (status === 1) expect(err).toMatch(/^pager run: /)
  })
})

describe('what cannot be used is one line on standard error, and status 2', () => {
  const device = (changes: object) => ({ swap: { devices: [{ image: 'kept.img', create: '1 MiB' }, { image: 'x.img', create: '1 MiB', ...changes }] } })

  it.each<[string, object, RegExp]>([
    ['a missing image', { swap: { devices: [{ image: 'nowhere.img' }] } }, /swap\.devices\[0\]\.image: .*nowhere\.img/],
    ['two devices on one image', device({ image: 'kept.img' }), /swap\.devices\[1\]\.image: .*already in use/],
    ['an unknown field', { ...smallExperiment(), ram: 3 }, /case\.json: ram: is not a field/],
    ['a machine too small for its thresholds', { machine: { frames: 20 }, daemon: { policy: 'freebsd' } }, /machine\.frames: 20 frames/],
    ['a trace that is not there', { processes: [{ workload: { file: 'no.pgt' } }] }, /processes\[0\]\.workload\.file: .*no\.pgt/],
  ])('%s', async (_, changes, expected) => {
    write('case.json', { ...smallExperiment(), ...changes })
    const { status, out, err } = await pager('run', file('case.json'))
    expect([status, out]).toEqual([2, ''])
    expect(err).toMatch(expected)
    expect(err.trimEnd()).not.toContain('\n')
  })

  it('an image that is no multiple of a sector', async () => {
    writeFileSync(file('odd.img'), new Uint8Array(1_000_000))
    write('case.json', smallExperiment({ swap: { devices: [{ image: './odd.img', create: '1 MiB' }] } }))
    const { status, err } = await pager('run', file('case.json'))
    expect([status, err]).toEqual([2, expect.stringMatching(/odd\.img.*no multiple of a sector/)])
    expect(statSync(file('odd.img')).size).toBe(1_000_000)
  })

  it('a trace cut in the middle of a record', async () => {
    const whole = zstdDecompressSync(readFileSync(path.join(root, 'examples/traces/cc1-demo.pgt.zst')))
    writeFileSync(file('cut.pgt'), whole.subarray(0, 100_001))
    const imported = await pager('import', file('cut.pgt'))
    expect(imported).toMatchObject({ status: 2, err: expect.stringMatching(/cut\.pgt.*byte offset 100001/) })
    write('case.json', smallExperiment({ processes: [{ workload: { file: 'cut.pgt' } }] }))
    expect((await pager('run', file('case.json'))).err).toContain('byte offset 100001')
    expect((await pager('workloads')).out).not.toContain('cut')
  })

  it('JSON that is none, with line and column', async () => {
    writeFileSync(file('bad.json'), '{\n  "name": "x",\n  bad: 1\n}')
    expect((await pager('run', file('bad.json'))).err).toContain('line 3, column 3')
    writeFileSync(file('bad.json'), '{\n  "machine": { "frames": ')
    expect((await pager('run', file('bad.json'))).err).toContain('line 2, column 26: the file ends')
  })

  it.each([
    [['run'], 'which experiment file'],
    [['run', 'a', 'b'], 'too much'],
    [['run', '--frob'], '--frob'],
    [['run', '/nowhere/x.json'], 'no such file'],
    [['replay', '99'], 'there is no run 99'],
    [['replay', 'last'], 'no number of a run'],
    [['report', '99', '-o', 'x.html'], 'there is no run 99'],
    [['report', '1', '-o', 'x.html', '--sections', 'totals,nope'], '"nope"'],
    [['report', '1', '-o', 'x.svg', '--figure', 'nope'], '"nope"'],
    [['gallery', 'nope'], '"nope"'],
    [['import', '/etc/hostname', '--format', 'x'], 'there is no format'],
    [['frobnicate'], 'there is no command'],
    [['image', 'nowhere.img'], 'no such file'],
    [['image', tmpdir()], 'is a directory'],
    [['sim', tmpdir()], 'is a folder'],
    [['sim', 'x', '--frames', '-3'], '--frames: a value that begins with a dash is written --frames=-...'],
    [['bench', 'nothing'], 'there is no benchmark'],
    [['verify', '/nowhere.jsonl'], 'nowhere.jsonl'],
    [['serve', '--port', '99999'], '--port'],
  ])('pager %j', async ([command = '', ...args], expected) => {
    const { status, err } = await pager(command, ...args)
    expect(status).toBe(2)
    expect(err).toContain(expected)
    expect(err.trimEnd()).not.toContain('\n')
  })

  it('a workspace that is not there is not made by commands that only read', async () => {
    const nowhere = file('nowhere')
    for (const command of ['runs', 'workloads', 'replay'])
      expect(await main([command, ...(command === 'replay' ? ['1'] : []), '--workspace', nowhere])).toBe(2)
    expect(statSync(nowhere, { throwIfNoEntry: false })).toBeUndefined()
  })

  it('output that nobody reads any more is no fault', async () => {
    await pager('runs')
    expect(() => process.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).not.toThrow()
  })

  it('a full disk', async ({ skip }) => {
    const disk = file('disk')
    const made = spawnSync('sh', ['-c', `mkdir -p ${disk} && mount -t tmpfs -o size=4m tmpfs ${disk}`])
    if (made.status !== 0) skip('a tiny file system cannot be mounted here')
    try {
      const small = path.join(disk, 'w')
      await (await createWorkbench({ workspace: small, host: 'command', seed: false })).close()
      // the demo has no room any more; the run has, until its pages go out
      write('case.json', smallExperiment({}, 100_000))
      const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
      const status = await main(['run', file('case.json'), '--workspace', small])
      const said = err.mock.calls.map(([text]) => String(text)).join('')
      err.mockRestore()
      expect(status).toBe(2)
      expect(said).toMatch(/disk .*is full|no room/)
      const again = await createWorkbench({ workspace: small, host: 'command', seed: false })
      expect((await again.request('runs.list', {})).every((run) => run.status !== 'running')).toBe(true)
      await again.close()
    } finally {
      spawnSync('umount', ['-l', disk])
    }
  })
})

describe('the other commands', () => {
  it('replay runs a run again and compares; under another configuration it does not', async () => {
    const same = await pager('replay', '1', '--json')
    expect(same.status).toBe(0)
    expect(JSON.parse(same.out)).toMatchObject({ replayOf: 1, agrees: true, status: 'finished' })
    write('other.json', { ...smallExperiment(), machine: { frames: 512, nsPerReference: 1000 } })
    const other = await pager('replay', '1', '--with', file('other.json'))
    expect(other).toMatchObject({ status: 0, out: expect.stringContaining('another configuration') })
  })

  it('runs, report and image say what there is', async () => {
    expect(JSON.parse((await pager('runs', '--json')).out).runs.length).toBeGreaterThan(1)
    expect((await pager('runs')).out).toContain('small')
    expect((await pager('report', '1', '-o', file('r.md'))).status).toBe(0)
    expect(readFileSync(file('r.md'), 'utf8')).toContain('small')
    expect((await pager('report', '1', '-o', '-', '--format', 'json')).out).toContain('"')
    expect(await pager('image', 'kept.img', '--json')).toMatchObject({ status: 0, out: expect.stringContaining('"sizeBytes":1048576') })
  })

  it('import makes a workload that experiments name', async () => {
    const trace = path.join(root, 'examples/traces/python3-startup.lackey.txt.gz')
    const { status, out } = await pager('import', trace, '--name', 'python', '--limit', '5000', '--json')
    expect([status, JSON.parse(out)]).toMatchObject([0, { name: 'python', references: 5000 }])
    expect((await pager('workloads')).out).toContain('python')
  })

  it('verify replays logs, and says where they differ', async () => {
    const log = path.join(root, 'test/conformance/swap/swap-edge-1.jsonl.gz')
    const { status, out } = await pager('verify', log, '--json')
    expect([status, JSON.parse(out)]).toMatchObject([0, { differences: 0, files: [{ file: log }] }])
  })

  it('every command has a help of its own', async () => {
    const { out } = await pager('help')
    for (const name of out.matchAll(/^ {2}([a-z]+) {2}/gm)) {
      const help = await pager(name[1] ?? '', '--help')
      expect(help).toMatchObject({ status: 0, err: '' })
      expect(help.out).toMatch(new RegExp(`^pager ${name[1]}`))
    }
  })

  it('npx pager goes the same way', () => {
    const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'build/bin/pager.mjs'), 'runs', '--json', '--workspace', workspace], { encoding: 'utf8' })
    expect([status, Object.keys(JSON.parse(stdout))]).toEqual([0, ['runs']])
  })
})

it('the published schemas are the current ones', () => {
  for (const { path: schema, text } of schemaFiles) expect(readFileSync(schema, 'utf8'), 'run electron/cli/schemas.ts to write it anew').toBe(text)
})
