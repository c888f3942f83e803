import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { afterFrame, nextFrame } from './frames.ts'

let told: string[] = []
beforeEach(() => {
  vi.useFakeTimers()
  told = []
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})
const tell = (what: string) => () => void told.push(what)

describe('what waits for a frame', () => {
  it('is done after it, once for several calls, and again when called again', () => {
    const ask = afterFrame(tell('asked'))
    requestAnimationFrame(tell('frame'))
    ask()
    ask()
    expect(told).toEqual([])
    vi.advanceTimersByTime(50)
    expect(told).toEqual(['frame', 'asked'])
    ask()
    vi.advanceTimersByTime(50)
    expect(told).toEqual(['frame', 'asked', 'asked'])
  })
  it('is done after the frame that an answer is shown with, not after another', async () => {
    const draw = afterFrame(tell('drawn'))
    const shown = nextFrame().then(() => {
      told.push('shown')
      draw()
      requestAnimationFrame(tell('another frame'))
    })
    await vi.advanceTimersToNextTimerAsync()
    await shown
    await vi.advanceTimersByTimeAsync(50)
    expect(told).toEqual(['shown', 'drawn', 'another frame'])
  })
  it('does not wait where the page is hidden', async () => {
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    const never = vi.spyOn(globalThis, 'requestAnimationFrame')
    await nextFrame()
    afterFrame(tell('asked'))()
    vi.runAllTimers()
    expect(told).toEqual(['asked'])
    expect(never).not.toHaveBeenCalled()
  })
})
