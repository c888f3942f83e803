import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Notice } from '../contract/contract.ts'
import { answerRequest } from '../hosts/dispatch.ts'
import { PathGrants } from '../hosts/pathGrants.ts'
import { loadVariant, variantDigest } from './variants.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

const scratch = mkdtempSync(path.join(os.tmpdir(), 'pager-variants-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const place = path.join(scratch, name)
  writeFileSync(place, text)
  return place
}

const firstFit = path.resolve(import.meta.dirname, '../../examples/variants/first-fit.ts')

describe('loading a variant', () => {
  test('strips its types, and tells its digest', async () => {
    const { variant, source } = await loadVariant(firstFit)
    expect(variant.name).toBe('first-fit')
    expect(source).toMatchObject({ name: 'first-fit', file: firstFit, digest: variantDigest(firstFit) })
    expect(source.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  test('takes plain JavaScript too, and leaves nothing behind', async () => {
    const temporary = path.join(scratch, 'temporary')
    mkdirSync(temporary)
    vi.stubEnv('TMPDIR', temporary)
    const { variant } = await loadVariant(
      file('plain.mjs', "export default { name: 'plain', description: 'Nothing.' }\n"),
    )
    vi.unstubAllEnvs()
    expect(variant.name).toBe('plain')
    expect(readdirSync(temporary)).toEqual([])
  })

  test('executes each version of a file', async () => {
    const place = file('twice.ts', "export default { name: 'one', description: '' }\n")
    expect((await loadVariant(place)).variant.name).toBe('one')
    file('twice.ts', "export default { name: 'two', description: '' }\n")
    expect((await loadVariant(place)).variant.name).toBe('two')
  })

  test('refuses one that changed since its digest was taken', async () => {
    const place = file('changed.ts', "export default { name: 'one', description: '' }\n")
    const digest = variantDigest(place)
    file('changed.ts', "export default { name: 'two', description: '' }\n")
    await expect(loadVariant(place, digest)).rejects.toThrow('has changed')
  })

  test.each([
    ['an import of another file', "import { x } from './other.ts'\nexport default x\n", 'one file'],
    ['an error at its top', "\nthrow new Error('boom')\n", 'boom'],
    ['no default export', 'export const name = 1\n', 'default export'],
    [
      'a decision that there is not',
      "export default { name: 'x', description: '', victim: () => 1 }\n",
      'victim is no decision',
    ],
  ])('refuses %s, and names the file', async (_what, text, said) => {
    file('other.ts', 'export const x = 1\n')
    const place = file('broken.ts', text)
    const error = await loadVariant(place).catch((why: unknown) => why)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).toContain(`${place}: `)
    expect(String(error)).toContain(said)
  })

  test('refuses what is no module or not there', async () => {
    await expect(loadVariant(file('variant.txt', ''))).rejects.toThrow('a variant is a module')
    await expect(loadVariant(path.join(scratch, 'none.ts'))).rejects.toThrow('no such file')
    mkdirSync(path.join(scratch, 'folder.ts'))
    await expect(loadVariant(path.join(scratch, 'folder.ts'))).rejects.toThrow('is a directory')
  })
})

describe('a run with a variant', () => {
  let workbench: Workbench
  beforeAll(async () => {
    workbench = await createWorkbench({ workspace: path.join(scratch, 'workspace'), host: 'command', seed: false })
  })
  afterAll(() => workbench.close())

  const experiment = {
    name: 'small',
    machine: { frames: 400 },
    swap: { devices: [{ image: 'swap.img', create: '8 MiB', timing: { model: 'ssd' } }] },
    processes: [
      {
        workload: { generator: 'uniform', parameters: { pages: 900, references: 40000, writeFraction: 0.5, seed: 1 } },
      },
    ],
  }

  async function ended(start: () => Promise<{ id: number }>): Promise<{ id: number; end: Notice<'run.ended'> }> {
    const ends = new Map<number, Notice<'run.ended'>>()
    let wake = () => {}
    const off = workbench.on('run.ended', (notice) => {
      ends.set(notice.run, notice)
      wake()
    })
    const { id } = await start()
    for (;;) {
      const end = ends.get(id)
      if (end) {
        off()
        return { id, end }
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  const run = (variant?: string) => {
    const named = variant === undefined ? {} : { variant }
    return ended(() =>
      workbench.request('runs.start', { file: experiment, record: true, startPaused: false, ...named }),
    )
  }
  const digest = async (id: number) => (await workbench.request('runs.get', { id })).totals.traceDigest

  test('records its name and digest, and has another trace than the kernel each time', async () => {
    const [kernel, first, again] = [await run(), await run(firstFit), await run(firstFit)]
    expect(first.end.status).toBe('finished')
    const detail = await workbench.request('runs.get', { id: first.id })
    expect(detail.variant).toMatchObject({ name: 'first-fit', file: firstFit, digest: variantDigest(firstFit) })
    expect((await workbench.request('runs.get', { id: kernel.id })).variant).toBeUndefined()
    expect(await digest(again.id)).toBe(await digest(first.id))
    expect(await digest(first.id)).not.toBe(await digest(kernel.id))
  })

  test('is replayed with the same file, and with nothing less', async () => {
    const { id } = await run(firstFit)
    await expect(workbench.request('runs.replay', { id, file: null })).rejects.toMatchObject({ code: 'variant-wanted' })
    const replay = await ended(() => workbench.request('runs.replay', { id, file: null, variant: firstFit }))
    expect(await workbench.request('runs.get', { id: replay.id })).toMatchObject({ replayOf: id, replayAgrees: true })
    // another variant is another configuration: nothing is compared
    const empty = file('empty.ts', "export default { name: 'empty', description: '' }\n")
    const other = await ended(() => workbench.request('runs.replay', { id, file: null, variant: empty }))
    expect(await workbench.request('runs.get', { id: other.id })).toMatchObject({ replayOf: id, replayAgrees: null })
  })

  test('fails with the name of the decision that failed', async () => {
    const broken = file('broken.ts', "export default { name: 'broken', description: '', searchStart: () => -1 }\n")
    const { end } = await run(broken)
    expect(end.status).toBe('failed')
    expect(end.problem).toContain('variant broken: searchStart answered -1')
  })

  test('is not started by a window', async () => {
    const grants = new PathGrants(path.join(scratch, 'workspace'))
    const params = { file: experiment, record: false, startPaused: false, variant: firstFit }
    const answer = await answerRequest(workbench, grants, 'runs.start', params)
    expect(answer).toMatchObject({ error: { code: 'variant-not-trusted', field: 'variant' } })
  })
})
