import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { someEnd, someRun } from '../../../db/testing.ts'
import { openWorkspace } from '../../../db/workspace.ts'
import type { KernelView } from '../../../engine/sim/kernelNames.ts'
import { main } from '../main.ts'

const workspace = mkdtempSync(path.join(os.tmpdir(), 'pager-sysctl-'))
const view: KernelView = {
  timeNs: 2_500_000_000,
  values: {
    'vm.nswapdev': 1,
    'vm.swap_info.0': { xsw_version: 2, xsw_dev: 0, xsw_flags: 0, xsw_nblks: 1024, xsw_used: 512 },
    'vm.stats.vm.v_swapin': 7,
    'vm.stats.vm.v_swapout': 8,
  },
  devices: [{ name: 'swap0.img', blocks: 1024, used: 512 }],
  processes: [{ pid: 1000, name: 'cc1', hasExited: false, residentPages: 10, swapBlocks: 20 }],
}

beforeAll(() => {
  const opened = openWorkspace(workspace)
  const { store } = opened
  store.finishRun(store.createRun(someRun()), someEnd({ kernelView: view }))
  store.finishRun(store.createRun(someRun()), someEnd({ status: 'failed', problem: 'it fell' }))
  store.finishRun(store.createRun(someRun()), someEnd())
  opened.close()
})
afterAll(() => rmSync(workspace, { recursive: true, force: true }))
afterEach(() => vi.restoreAllMocks())

async function pager(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', '']
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
  const status = await main(['sysctl', ...args, '--workspace', workspace])
  return { status, out, err }
}

describe('pager sysctl', () => {
  test('shows all values, one, or those under a node', async () => {
    expect((await pager('1')).out).toContain('vm.stats.vm.v_swapout: 8\n')
    expect(await pager('1', 'vm.nswapdev')).toEqual({ status: 0, out: 'vm.nswapdev: 1\n', err: '' })
    expect((await pager('1', 'vm.stats.vm', 'vm.nswapdev')).out).toBe(
      'vm.stats.vm.v_swapin: 7\nvm.stats.vm.v_swapout: 8\nvm.nswapdev: 1\n',
    )
  })

  test('as JSON: everything, or the values that were named', async () => {
    expect(JSON.parse((await pager('1', '--json')).out)).toEqual({
      run: 1,
      virtualSeconds: 2.5,
      values: view.values,
      devices: view.devices,
      processes: view.processes,
    })
    const named = JSON.parse((await pager('1', 'vm.swap_info.0', '--json')).out)
    expect(named).toEqual({ run: 1, virtualSeconds: 2.5, values: { 'vm.swap_info.0': view.values['vm.swap_info.0'] } })
  })

  test.each([
    ['swapinfo', /^Device +1K-blocks +Used +Avail Capacity\nswap0\.img +4096 +2048 +2048 +50%\n$/],
    ['vmstat', /^ {8}7 reads by the swap pager\n/],
    ['processes', /\n 1000 alive +40 +80 +10 +20 cc1\n$/],
  ])('--format %s has the columns of that tool', async (format, text) => {
    const { status, out } = await pager('1', '--format', format)
    expect(out).toMatch(text)
    expect(status).toBe(0)
  })

  test.each([
    [['1', 'vm.swap_enabled'], 'vm.swap_enabled'],
    [['9'], 'there is no run 9'],
    [['x'], '"x" is no number of a run'],
    [[], 'which run?'],
    [['1', '--format', 'top'], 'there is no format "top"'],
    [['1', 'vm.nswapdev', '--format', 'swapinfo'], 'a table of its own'],
    [['2'], 'was failed before its end'],
    [['3'], 'recorded by a version that did not keep them'],
  ])('%j is refused in one line', async (args, said) => {
    const { status, out, err } = await pager(...args)
    expect({ status, out }).toEqual({ status: 2, out: '' })
    expect(err).toContain(said)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
  })
})
