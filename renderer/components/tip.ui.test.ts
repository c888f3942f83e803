import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { explained, explainNoMore, vTip } from './tip.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  explainNoMore()
  vi.useRealTimers()
})
const one = (tip: unknown) => mount({ template: '<button v-tip="tip">x</button>', directives: { tip: vTip }, data: () => ({ tip }) }, { attachTo: document.body })

describe('an explanation', () => {
  it('comes when the pointer stays, goes with it, and is tied to what it explains', async () => {
    const view = one('free page frames')
    await view.trigger('pointerenter')
    expect(explained.value).toBeNull()
    vi.runAllTimers()
    expect(explained.value?.lines).toEqual(['free page frames'])
    expect(view.attributes('aria-describedby')).toBe('tip')
    await view.trigger('pointerleave')
    expect(explained.value).toBeNull()
    expect(view.attributes('aria-describedby')).toBeUndefined()
  })
  it('is made when it is wanted, without empty lines, and is none where nothing is left', async () => {
    let count = 1
    const view = one(() => [`${count} faults`, ''])
    count = 2
    await view.trigger('focusin')
    vi.runAllTimers()
    expect(explained.value?.lines).toEqual(['2 faults'])
    explainNoMore()
    await one('').trigger('pointerenter')
    vi.runAllTimers()
    expect(explained.value).toBeNull()
  })
  it.each(['pointerdown', 'keydown'])('goes at a %s, and stays away until one comes again: what opens is not covered', async (press) => {
    const view = one('speed')
    await view.trigger('pointerenter')
    vi.runAllTimers()
    await view.trigger(press)
    expect(explained.value).toBeNull()
    await view.trigger('focusin')
    vi.runAllTimers()
    expect(explained.value).toBeNull()
    await view.trigger('pointerleave')
    await view.trigger('pointerenter')
    vi.runAllTimers()
    expect(explained.value?.lines).toEqual(['speed'])
  })
  it('goes with what it explains', async () => {
    const view = one('gone soon')
    await view.trigger('pointerenter')
    vi.runAllTimers()
    view.unmount()
    expect(explained.value).toBeNull()
  })
})
