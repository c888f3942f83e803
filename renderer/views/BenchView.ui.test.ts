import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h, renderSlot } from 'vue'
import { useBench } from '../stores/bench.ts'
import { startStores } from '../stores/start.ts'
import { TestBridge } from '../testing/testBridge.ts'
import BenchView from './BenchView.vue'

let bridge: TestBridge
let view: VueWrapper

/** Stands for what opens a layer over the page: dozens of those take seconds in a simulated DOM, and none is asked here. */
const shell = defineComponent({ setup: (_props, { slots }) => () => h('span', [renderSlot(slots, 'default')]) })

/** Lets the delayed check and what follows from it happen. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(300)
  await flushPromises()
}
const field = (path: string) => view.get(`input[data-test="${path}"]`)
const asked = (method: string) => bridge.asked.filter((request) => request.method === method).map((request) => request.params)

beforeEach(async () => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  window.location.hash = '#/bench'
  bridge = new TestBridge()
  await startStores(() => Promise.resolve(bridge))
  view = mount(BenchView, { attachTo: document.body, global: { stubs: { ElTooltip: shell, ElDropdown: shell, ElSelect: true, ElDropdownMenu: true } } })
  await settle()
})
afterEach(() => {
  view.unmount()
  vi.useRealTimers()
})

describe('the bench', () => {
  it('opens with the newest experiment, says what it amounts to, and may run it', () => {
    expect(view.get('[data-test="summary"]').text()).toContain('One program touches 23.3 MiB')
    expect(view.get('[data-test="thresholds"]').text()).toContain('freeTarget236')
    expect(view.get('[data-test="run"]').attributes('disabled')).toBeUndefined()
  })
  it('checks as one types, once for a burst of keystrokes', async () => {
    const before = asked('experiments.check').length
    await field('machine.wired').setValue('1')
    await field('machine.wired').setValue('12')
    await field('machine.wired').setValue('128')
    await settle()
    expect(asked('experiments.check')).toHaveLength(before + 1)
    expect(useBench().draft?.machine.wired).toBe(128)
    expect(view.get('[data-test="bench-state"]').text()).toBe('changed')
  })
  it('puts a complaint of the service at its field, and does not run', async () => {
    const bench = useBench()
    const device = bench.draft?.swap.devices[0]
    if (device) device.image = 'gone.img'
    await settle()
    expect(view.get('[data-test="issue-swap.devices[0].image"]').text()).toContain('moved or deleted')
    expect(view.get('[data-test="issues"]').text()).toContain('1 field to mend')
    expect(view.get('[data-test="run"]').attributes('disabled')).toBeDefined()
  })
  it('keeps what is no number as it was typed, and complains', async () => {
    await field('machine.wired').setValue('many')
    await settle()
    expect(view.get('[data-test="issue-machine.wired"]').text()).toBe('"many" is no number')
    expect(useBench().draft?.machine.wired).toBe(64)
    expect(useBench().canRun).toBe(false)
    await field('machine.wired').setValue('65')
    await settle()
    expect(useBench().canRun).toBe(true)
  })
  it('takes an empty threshold for the formula of the kernel', async () => {
    await field('daemon.freeMin').setValue('200')
    await settle()
    expect(useBench().draft?.daemon.freeMin).toBe(200)
    await field('daemon.freeMin').setValue('')
    await settle()
    expect(useBench().draft?.daemon.freeMin).toBeNull()
    expect(field('daemon.freeMin').attributes('placeholder')).toBe('116, by formula')
  })
  it('undoes and redoes', async () => {
    const bench = useBench()
    await field('seed').setValue('7')
    await settle()
    bench.undo()
    await settle()
    expect(bench.draft?.seed).toBe(1)
    bench.redo()
    await settle()
    expect(bench.draft?.seed).toBe(7)
  })
  it('saves under its id, and is no longer changed', async () => {
    await field('seed').setValue('9')
    await settle()
    await view.get('[data-test="save-experiment"]').trigger('click')
    await settle()
    expect(asked('experiments.save')[0]).toMatchObject({ id: 1, file: { seed: 9 } })
    expect(view.get('[data-test="bench-state"]').text()).toBe('saved')
  })
  it('switches RAM between a percentage and frames', async () => {
    await view.get('[data-test="ram-frames"]').trigger('click')
    await settle()
    expect(useBench().draft?.machine.frames).toBe(1557)
    await view.get('[data-test="ram-percent"]').trigger('click')
    expect(useBench().draft?.machine.frames).toBeNull()
  })
  it('reorders and removes swap devices', async () => {
    await view.get('[aria-label="Move device 1 down"]').trigger('click')
    expect(useBench().draft?.swap.devices.map((device) => device.image)).toEqual(['swap1.img', 'swap0.img'])
    await view.get('[data-test="device-remove-0"]').trigger('click')
    expect(useBench().draft?.swap.devices.map((device) => device.image)).toEqual(['swap0.img'])
  })
  it('starts the run and goes to its page', async () => {
    await view.get('[data-test="run"]').trigger('click')
    await settle()
    expect(asked('runs.start')[0]).toMatchObject({ record: true, startPaused: false, file: { name: 'cc1 in a quarter of its memory' } })
    expect(window.location.hash).toBe('#/runs/1/overview')
  })
})
