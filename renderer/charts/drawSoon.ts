/**
 * Drawing of many charts without a long task: after each frame as many as there is time for, the rest after the next ones. A chart that is asked for twice
 * is drawn once.
 */
import { afterFrame } from '../frames.ts'

/** Of a frame's 16 ms, what drawing may begin in. */
const BUDGET_MS = 6

const waiting = new Set<() => void>()
const drawAfterFrame = afterFrame(drawSome)

export function drawSoon(draw: () => void): void {
  waiting.add(draw)
  drawAfterFrame()
}

/** Forgets a chart that is gone. */
export function drawNoMore(draw: () => void): void {
  waiting.delete(draw)
}

function drawSome(): void {
  const end = performance.now() + BUDGET_MS
  for (const draw of waiting) {
    waiting.delete(draw)
    draw()
    if (performance.now() >= end) break
  }
  if (waiting.size > 0) drawAfterFrame()
}
