import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { expect, it } from 'vitest'
import type { Params } from '../../../electron/contract/contract.ts'
import { DataKind, encodeTable } from '../../../electron/contract/dataPlane.ts'
import { useRunView } from '../../stores/runView.ts'
import { startStores } from '../../stores/start.ts'
import { TestBridge } from '../../testing/testBridge.ts'
import PageHistory from './PageHistory.vue'

/** The newest faults of a page that has `count` of them, one every ten events. */
function faults(count: number, { beforeEvent = Infinity, limit }: Params<'runs.pageHistory'>): ArrayBuffer {
  const earlier = Array.from({ length: count }, (_, i) => i * 10).filter((number) => number < beforeEvent)
  const numbers = Float64Array.from(earlier.slice(-limit))
  const rows = numbers.length
  const float = (value: number) => new Float64Array(rows).fill(value)
  const int = (value: number) => new Int32Array(rows).fill(value)
  const columns = [float(1e6), new Uint8Array(rows), int(0), int(3), float(7), int(1), int(-1), float(12), float(800), int(1), numbers]
  return encodeTable({ kind: DataKind.events, rows, extra: [earlier.length > rows ? 1 : 0, 0, 0], columns })
}

async function shown(count: number) {
  setActivePinia(createPinia())
  const bridge = new TestBridge({ 'runs.pageHistory': (params) => faults(count, params) })
  await startStores(() => Promise.resolve(bridge))
  await useRunView().open(1)
  const view = mount(PageHistory, { props: { object: 3, page: 7 } })
  for (let turn = 0; turn < 20; turn++) await flushPromises()
  return { view, asked: () => bridge.asked.filter(({ method }) => method === 'runs.pageHistory').length }
}

it('a short history is all there with one question, newest first', async () => {
  const { view, asked } = await shown(30)
  expect(view.text()).toContain('History 30 events')
  expect(view.findAll('li button').map((row) => row.attributes('title')?.match(/\d+/)?.[0]).slice(0, 3)).toEqual(['290', '280', '270'])
  expect(view.find('[data-test="older-events"]').exists()).toBe(false)
  expect(asked()).toBe(1)
})

it('of a long history the newest events come first, the rest behind them, and those beyond when they are asked for', async () => {
  const { view, asked } = await shown(800)
  expect(view.text()).toContain('the newest 500 events')
  const titles = () => view.findAll('li button').map((row) => Number(row.attributes('title')?.replaceAll(/\D/g, '')))
  expect(titles()).toEqual(Array.from({ length: 500 }, (_, i) => 7990 - i * 10))
  expect(asked()).toBeGreaterThan(2)
  await view.get('[data-test="older-events"]').trigger('click')
  for (let turn = 0; turn < 20; turn++) await flushPromises()
  expect(titles()).toEqual(Array.from({ length: 800 }, (_, i) => 7990 - i * 10))
  expect(view.text()).toContain('History 800 events')
})
