import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it } from 'vitest'
import { TestBridge } from '../testing/testBridge.ts'
import { useMachine } from './machine.ts'
import { useRunView } from './runView.ts'
import { startStores } from './start.ts'

let bridge: TestBridge
beforeEach(async () => {
  setActivePinia(createPinia())
  bridge = new TestBridge()
  await startStores(() => Promise.resolve(bridge))
  await flushPromises()
})

it('tells how far a moment is that takes long to reach, of the run that is looked at and until it is there', async () => {
  await useRunView().open(1)
  const machine = useMachine()
  const unfollow = machine.follow()
  bridge.tell('moment.progress', { run: 1, done: 0.1 })
  expect(machine.done).toBeNull()
  const loaded = machine.load()
  bridge.tell('moment.progress', { run: 1, done: 0.25 })
  expect(machine.done).toBe(0.25)
  bridge.tell('moment.progress', { run: 2, done: 0.7 })
  expect(machine.done).toBe(0.25)
  await loaded
  expect(machine.done).toBeNull()
  unfollow()
})
