import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { expect, it } from 'vitest'
import { defineComponent, h, renderSlot } from 'vue'
import type { RecordingInfo } from '../../electron/contract/contract.ts'
import { startStores } from '../stores/start.ts'
import { useWorkloads } from '../stores/workloads.ts'
import { TestBridge } from '../testing/testBridge.ts'
import WorkloadOrigin from './WorkloadOrigin.vue'

/** Stands for a layer over the page: what is in it is what is tested. */
const shell = defineComponent({ setup: (_props, { slots }) => () => h('div', [renderSlot(slots, 'default')]) })
const process = { name: 'sqlite3', pid: 41, parentPid: null, command: 'sqlite3 a.db', references: 5000, footprint: 60 }
const recording: RecordingInfo = {
  command: ['sqlite3', 'a.db'],
  directory: '/home/me',
  startedAt: new Date(2026, 10, 20).toISOString(),
  seconds: 3,
  end: 'finished',
  exitStatus: 3,
  signal: null,
  filterSize: 1,
  events: 9000,
  processes: [
    {
      ...process,
      begins: null,
      labels: [
        { startPage: 10, pageCount: 20, label: '/usr/lib/libc.so.6' },
        { startPage: 40, pageCount: 25, label: 'heap' },
        { startPage: 80, pageCount: 15, label: '/usr/lib/libc.so.6' },
      ],
    },
    { ...process, name: 'sh', pid: 42, parentPid: 41, begins: { how: 'fork', process: 0, at: 1234, isExact: true }, labels: [{ startPage: 1, pageCount: 2, label: 'stack' }] },
  ],
  notes: ['valgrind had something to say'],
}

async function shown(answer: () => RecordingInfo | null | Promise<never>) {
  setActivePinia(createPinia())
  const bridge = new TestBridge({ 'workloads.recording': answer })
  await startStores(() => Promise.resolve(bridge))
  const view = mount(WorkloadOrigin, { props: { modelValue: null }, global: { stubs: { ElDialog: shell } } })
  await flushPromises()
  await view.setProps({ modelValue: useWorkloads().items[0] ?? null })
  await flushPromises()
  return { view, asked: bridge.asked.filter(({ method }) => method === 'workloads.recording') }
}

it('tells of a recorded workload how the program ended and what the pages of each process were, the most first', async () => {
  const { view, asked } = await shown(() => recording)
  expect(asked).toMatchObject([{ params: { id: 1 } }])
  const text = view.text()
  expect(text).toContain('/home/me. The program ended, with exit status 3.')
  expect(text).toContain('child of 41')
  expect(text).toContain('Forked at reference 1,234 of sqlite3.')
  expect(text).toContain('valgrind had something to say')
  expect(view.findAll('tbody tr').map((row) => row.findAll('td').map((cell) => cell.text()))).toEqual([
    ['/usr/lib/libc.so.6', '35'],
    ['heap', '25'],
    ['stack', '2'],
  ])
})

it('tells of any other where it comes from, and why there is no more', async () => {
  const imported = await shown(() => null)
  expect(imported.view.text()).toContain('pgtrace, cc1-demo.pgt.zst')
  expect(imported.view.find('table').exists()).toBe(false)
  const failed = await shown(() => Promise.reject(new Error('the file is damaged')))
  expect(failed.view.get('[role="alert"]').text()).toContain('the file is damaged')
})
