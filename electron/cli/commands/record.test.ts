import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { main } from '../main.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'pager-record-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

async function pager(...args: string[]) {
  let out = ''
  let error = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out += String(text)).length > 0)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => (error += String(text)).length > 0)
  const status = await main(['record', '--workspace', folder, ...args])
  return { status, out, error }
}

describe('pager record', () => {
  it.each([
    [['--filter', '65', '--', 'true'], '--filter: 65 is too many pages; at most 64'],
    [['--references', 'many', '--', 'true'], '--references: "many" is no whole number from 0 on'],
    [['true'], 'which program? It comes after --'],
    [['--'], 'which program? It comes after --'],
  ])('%j cannot be used, and one line says why', async (args, why) => {
    const { status, error } = await pager(...args)
    expect(status).toBe(2)
    expect(error).toMatch(/^pager record: [^\n]+\n$/)
    expect(error).toContain(why)
  })

  it('says how valgrind is to be had where there is none', async () => {
    vi.stubEnv('PATH', folder)
    const { status, error } = await pager('--', '/bin/true')
    expect(status).toBe(2)
    expect(error).toMatch(/^pager record: recording a program wants valgrind.*apt-get install valgrind.*\n$/)
  })

  it('leaves what comes after -- to the program, --help as well', async () => {
    expect(await pager('--', 'no-such-program', '--help')).toMatchObject({ status: 2, out: '' })
    expect((await pager('--help', '--', 'true')).out).toContain('pager record [options] -- PROGRAM')
  })
})
