import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineComponent, h, renderSlot } from 'vue'
import { ContractError } from '../../electron/contract/contract.ts'
import { useBench } from '../stores/bench.ts'
import { useReplays } from '../stores/replays.ts'
import { startStores } from '../stores/start.ts'
import { TestBridge, testExperiment } from '../testing/testBridge.ts'
import ReplayDialog from './ReplayDialog.vue'

let bridge: TestBridge
let dialog: VueWrapper
const shell = defineComponent({ setup: (_props, { slots }) => () => h('div', [renderSlot(slots, 'default'), renderSlot(slots, 'footer')]) })
const replayed = () => bridge.asked.filter(({ method }) => method === 'runs.replay').map(({ params }) => params)

beforeEach(async () => {
  setActivePinia(createPinia())
  bridge = new TestBridge({ 'runs.replay': () => ({ id: 9 }) })
  await startStores(() => Promise.resolve(bridge))
  dialog = mount(ReplayDialog, { attachTo: document.body, global: { stubs: { ElDialog: shell, ElTooltip: shell, ElSelect: true } } })
  useReplays().ask(1)
  await flushPromises()
})
afterEach(() => dialog.unmount())

async function choose(way: string): Promise<void> {
  await dialog.get(`[data-test="replay-way-${way}"]`).setValue(true)
  await dialog.get('[data-test="replay-confirm"]').trigger('click')
  await flushPromises()
}

describe('replaying a run', () => {
  it('as it was needs nothing but a confirmation', async () => {
    await choose('same')
    expect(replayed()).toEqual([{ id: 1, file: null }])
    expect(useReplays().run).toBeNull()
    expect(window.location.hash).toBe('#/runs/9/overview')
  })

  it("with an experiment's machine keeps the run's processes", async () => {
    await choose('experiment')
    const experiment = bridge.experiments[0]?.file
    expect(replayed()).toEqual([{ id: 1, file: { ...experiment, processes: testExperiment().processes } }])
  })

  it('changed on the bench is a replay while the processes stay, and a run of its own when they do not', async () => {
    await choose('bench')
    const bench = useBench()
    expect(replayed()).toEqual([])
    expect(bench.replayedRun).toBe(1)
    bench.draft!.machine.frames = 700
    await bench.start(true, false)
    expect(replayed()).toMatchObject([{ id: 1, file: { machine: { frames: 700 } } }])
    bench.draft!.processes[0]!.workload = { generator: 'loop', parameters: {} }
    expect(bench.replayedRun).toBeNull()
    bench.begin(testExperiment())
    expect(bench.replayedRun).toBeNull()
  })

  it('says why a run cannot be replayed, and stays open', async () => {
    bridge.handlers['runs.replay'] = () => {
      throw new ContractError({ code: 'base-changed', message: 'swap.devices[0].image: swap0.img is not what it was' })
    }
    await choose('same')
    expect(dialog.get('[data-test="replay-problem"]').text()).toContain('swap0.img is not what it was')
    expect(useReplays().run).toBe(1)
  })
})
