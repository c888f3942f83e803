import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import type { Notice } from '../../../electron/contract/contract.ts'
import { startStores } from '../../stores/start.ts'
import { TestBridge } from '../../testing/testBridge.ts'
import { useTallying, type Tallying } from './tallying.ts'

async function tallying() {
  setActivePinia(createPinia())
  const bridge = new TestBridge({ 'runs.tally': () => ({}) })
  await startStores(() => Promise.resolve(bridge))
  const onProgress = vi.fn<(hasEnded: boolean) => void>()
  let made: Tallying | undefined
  const view = mount(
    defineComponent(() => {
      made = useTallying(onProgress)
      return () => h('p')
    }),
  )
  if (!made) throw new Error('the component was not set up')
  const says = async (known: Partial<Notice<'tally.progress'>>) => {
    bridge.tell('tally.progress', { run: 1, state: 'running', done: 0, total: 100, error: null, ...known })
    await flushPromises()
  }
  const asked = () => bridge.asked.filter(({ method }) => method === 'runs.tally').map(({ params }) => params)
  return { view, says, asked, onProgress, counting: made }
}

it('counting begins with an answer that was estimated, and what is shown is asked for anew while it goes on', async () => {
  const { counting, says, asked, onProgress } = await tallying()
  counting.answered(1, false)
  expect([asked(), counting.note.value]).toEqual([[], ''])
  counting.answered(1, true)
  counting.answered(1, true)
  expect(asked()).toEqual([{ id: 1, action: 'start' }])
  await says({ done: 37 })
  expect(counting.note.value).toBe('Estimated; counting all events, 37 % done')
  await says({ run: 2, state: 'finished' })
  expect(counting.isCounting.value).toBe(true)
  await says({ state: 'finished', done: 100 })
  counting.answered(1, false)
  expect([counting.note.value, onProgress.mock.calls]).toEqual(['', [[false], [true]]])
})

it('what was stopped does not begin by itself again; it is told how far it came, and can go on', async () => {
  const { counting, says, asked, view } = await tallying()
  counting.answered(1, true)
  counting.stop()
  await says({ state: 'stopped', done: 21 })
  counting.answered(1, true)
  expect([counting.note.value, counting.isStopped.value]).toEqual(['Estimated from 21 % of the run', true])
  counting.start()
  await says({ done: 22 })
  // another run is looked at
  counting.answered(2, false)
  counting.answered(2, true)
  view.unmount()
  const actions = ['start', 'stop', 'start', 'stop'].map((action) => ({ id: 1, action }))
  expect(asked()).toEqual([...actions, { id: 2, action: 'start' }, { id: 2, action: 'stop' }])
})

it('says why counting failed, and does not try again by itself', async () => {
  const { counting, says, asked } = await tallying()
  counting.answered(1, true)
  await says({ state: 'failed', total: 0, error: 'the thread failed' })
  counting.answered(1, true)
  expect([counting.note.value, counting.isStopped.value, asked().length]).toEqual(['the thread failed', true, 1])
})
