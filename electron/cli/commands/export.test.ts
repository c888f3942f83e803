import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { EventEncoder } from '../../../db/eventEncoder.ts'
import { someEnd, someEvents, someRun } from '../../../db/testing.ts'
import { openWorkspace } from '../../../db/workspace.ts'
import { generateWorkload } from '../../../engine/workload/generators/index.ts'
import { smallExperiment } from '../../service/testing.ts'
import { main } from '../main.ts'

let folder = ''
const events = someEvents(3000)
const parameters = { pages: 50, references: 700 }
const file = (name: string) => path.join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pager-export-'))
  const workspace = openWorkspace(path.join(folder, 'workspace'))
  const { store } = workspace
  const experiment = smallExperiment({ processes: [{ name: 'p', workload: { generator: 'uniform', parameters } }] })
  const run = store.createRun(someRun({ file: experiment }))
  const encoder = new EventEncoder(true)
  store.appendEvents(run, encoder.add(events))
  store.finishRun(run, someEnd())
  store.workloads.add({ ...generateWorkload('uniform', parameters), name: 'stored' })
  workspace.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function exported(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
  try {
    return { status: await main(['export', ...args, '--workspace', file('workspace')]), out, err }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

it('events go to a file as CSV and as JSON lines, those of a kind only where it is named', async () => {
  const kinds = events.kind.subarray(0, events.count)
  expect((await exported('1', '-o', file('e.csv'))).status).toBe(0)
  expect(readFileSync(file('e.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(1 + kinds.length)
  expect((await exported('1', '--format', 'jsonl', '--kind', 'fault', '-o', file('e.jsonl'), '--json')).status).toBe(0)
  const lines = readFileSync(file('e.jsonl'), 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(kinds.filter((kind) => kind === 0).length)
  expect(JSON.parse(lines[0]!)).toMatchObject({ kind: 'fault' })
})

it('what a run read goes out as what the same workload, stored, does: 24 bytes a reference', async () => {
  expect((await exported('1', '--format', 'oracle', '-o', file('run.oracle'))).status).toBe(0)
  expect((await exported('stored', '--format', 'oracle', '-o', file('stored.oracle'))).status).toBe(0)
  const bytes = readFileSync(file('run.oracle'))
  expect(bytes.length).toBe(700 * 24)
  expect(bytes.equals(readFileSync(file('stored.oracle')))).toBe(true)
})

it('what cannot be exported is said in one line, and no file is made', async () => {
  for (const [args, word] of [
    [['1', '--format', 'xml'], 'there is no format "xml"'],
    [['1', '--format', 'oracle'], '-o FILE says where to'],
    [['1', '--format', 'oracle', '--process', '2'], '--process: there are 1 processes'],
    [['none', '--format', 'oracle'], '"none" is no workload'],
    [['9'], 'there is no run 9'],
    [['1', '--kind', 'nonsense'], 'there is no kind of event "nonsense"'],
    [['1', '--samples', '--kind', 'fault'], 'samples have no kind'],
  ] as const) {
    const isOut = word.includes('FILE')
    const { status, err } = await exported(...args, ...(isOut ? [] : ['-o', file('not.made')]))
    expect(status).toBe(2)
    expect(err).toContain(word)
    expect(() => readFileSync(file('not.made'))).toThrow('ENOENT')
  }
  expect((await exported('1', '-o', file('e.csv'))).err).toContain('there is one of that name already')
})
