import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineComponent, h, renderSlot } from 'vue'
import { startStores } from '../stores/start.ts'
import { TestBridge } from '../testing/testBridge.ts'
import WorkloadsView from './WorkloadsView.vue'

let bridge: TestBridge
let view: VueWrapper

/** Stands for a layer over the page: what is in it is what is tested. */
const shell = defineComponent({ setup: (_props, { slots }) => () => h('div', [renderSlot(slots, 'default'), renderSlot(slots, 'footer')]) })
const asked = (method: string) => bridge.asked.filter((request) => request.method === method).map((request) => request.params)
const job = (state: 'running' | 'finished' | 'failed' | 'cancelled', error: string | null = null) => ({ job: 7, title: 'Record sqlite3', state, done: 0, total: 0, error, result: null })

beforeEach(async () => {
  setActivePinia(createPinia())
  bridge = new TestBridge({
    'workloads.record': () => ({ job: 7 }),
    'workloads.endRecording': () => ({}),
    'workloads.import': () => ({ job: 8 }),
    'jobs.cancel': () => ({}),
  })
  await startStores(() => Promise.resolve(bridge))
  view = mount(WorkloadsView, { attachTo: document.body, global: { stubs: { ElDialog: shell, ElTooltip: shell, ElDropdown: true, ElSelect: true } } })
  await flushPromises()
})
afterEach(() => view.unmount())

describe('recording a program from the window', () => {
  const begin = async () => {
    await view.get('input[data-test="record-command"]').setValue('sqlite3 :memory: "select 6 * 7"')
    await view.get('[data-test="record-start"]').trigger('click')
    await flushPromises()
  }

  it('asks for the program with its words and limits, and not before there is one', async () => {
    expect(view.get('[data-test="record-start"]').attributes('disabled')).toBeDefined()
    await view.get('input[data-test="record-references"]').setValue('1000000')
    await begin()
    expect(asked('workloads.record')).toEqual([
      { program: 'sqlite3', arguments: [':memory:', 'select 6 * 7'], directory: '', name: '', filterSize: 1, referencesMax: 1_000_000, secondsMax: 0, followChildren: true, output: 'notices' },
    ])
  })

  it('shows live figures and what the program writes, and ends or drops it', async () => {
    await begin()
    bridge.tell('recording.progress', { job: 7, references: 123_456, events: 9_000_000, rate: 950_000, footprint: 564, processes: 2, seconds: 9.4 })
    bridge.tell('recording.output', { job: 7, stream: 'stdout', text: '42\n' })
    await flushPromises()
    expect(view.get('[data-test="recording-figures"]').text()).toMatch(/123,456 references.*564 pages.*2 processes.*9 s/)
    expect(view.get('[data-test="recording-running"] pre').text()).toBe('42')
    await view.get('[data-test="end-recording"]').trigger('click')
    await view.get('[data-test="drop-recording"]').trigger('click')
    expect(asked('workloads.endRecording')).toEqual([{ job: 7 }])
    expect(asked('jobs.cancel')).toEqual([{ job: 7 }])
    bridge.tell('job', job('finished'))
    await flushPromises()
    expect(view.get('[data-test="recording-finished"]').text()).toContain('recorded')
    expect(view.find('[data-test="job-finished"]').exists()).toBe(false)
  })

  it('says why the host does not execute programs, and why a recording failed', async () => {
    bridge.handlers['workloads.record'] = () => Promise.reject(new Error('programs are executed only with --allow-record'))
    await begin()
    expect(view.get('[data-test="record-problem"]').text()).toBe('programs are executed only with --allow-record')
    bridge.handlers['workloads.record'] = () => ({ job: 7 })
    await begin()
    bridge.tell('job', job('failed', 'valgrind recorded nothing'))
    await flushPromises()
    expect(view.get('[data-test="recording-failed"] [role="alert"]').text()).toBe('valgrind recorded nothing')
  })
})

describe('importing by dropping a file', () => {
  it('names the file to the service, and the workload after it', async () => {
    const file = new File(['x'], 'gcc.lackey.txt.gz')
    await view.get('.drop').trigger('drop', { dataTransfer: { files: [file] } })
    await flushPromises()
    await view.get('[data-test="import-start"]').trigger('click')
    await flushPromises()
    expect(asked('workloads.import')).toEqual([{ path: '/incoming/gcc.lackey.txt.gz', format: '', name: 'gcc.lackey', limit: 0, eventsPerReference: 1 }])
  })
})
