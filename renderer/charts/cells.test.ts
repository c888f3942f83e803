import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellAt, layOut, paint, pixelOf, placeOf } from './cells.ts'

test('every cell, or the pixel that stands for it, lies in the box and is found again where it is drawn', () => {
  const boxes = [fc.integer({ min: 1, max: 5_000_000 }), fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 1500 })] as const
  const holds = (count: number, width: number, height: number) => {
    const layout = layOut(count, width, height)
    expect(layout.rows * layout.edge).toBeLessThanOrEqual(height)
    for (const cell of [0, count >> 1, count - 1]) {
      const { x, y } = placeOf(layout, cell)
      expect(x).toBeLessThan(width)
      const found = cellAt(layout, x, y)
      expect(found).toBe(cell - ((cell % layout.columns) % layout.perPixel))
    }
  }
  fc.assert(fc.property(...boxes, holds))
})

test('cells are painted as squares with a gap, and summed up where there are more of them than pixels', () => {
  const colours = new Uint32Array([pixelOf('#f00'), pixelOf('#0080ff')])
  expect([...colours]).toEqual([0xff0000ff, 0xffff8000])
  const few = layOut(4, 20, 20)
  const pixels = new Uint32Array(400)
  paint(few, new Uint8Array([0, 1, 1, 0]), colours, pixels)
  expect([few.edge, pixels[0], pixels[9], pixels[10], pixels[10 * 20]]).toEqual([10, colours[0], 0, colours[1], colours[1]])

  const many = layOut(12, 2, 2)
  const tiny = new Uint32Array(4)
  paint(many, new Uint8Array([0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), colours, tiny)
  expect([many.perPixel, ...tiny]).toEqual([3, colours[0], colours[1], colours[0], colours[0]])
})
