/**
 * A map of many cells, as pixels: frames of memory, blocks of a device, pages of an object. Pure.
 *
 * Cells lie in rows from left to right. As long as there is room a cell is a square of whole pixels with a gap beside it; where
 * there are more cells than pixels, a pixel stands for a run of cells and takes the class that most of them have.
 */

export interface CellLayout {
  count: number
  /** Cells of a row; a multiple of `perPixel`. */
  columns: number
  rows: number
  /** Edge of a cell in pixels, gap included; 1 where cells are summed up. */
  edge: number
  /** Cells that one pixel stands for; 1 as long as each cell has its own. */
  perPixel: number
  width: number
  height: number
}

const EDGE_MAX = 36

/** The largest cells with which `count` of them fit into a box. */
export function layOut(count: number, width: number, height: number): CellLayout {
  const across = Math.max(1, Math.floor(width))
  const down = Math.max(1, Math.floor(height))
  let edge = EDGE_MAX
  while (edge > 1 && Math.floor(across / edge) * Math.floor(down / edge) < count) edge--
  const perPixel = edge > 1 ? 1 : Math.max(1, Math.ceil(count / (across * down)))
  const columns = Math.max(1, Math.floor(across / edge)) * perPixel
  return { count, columns, rows: Math.ceil(count / columns), edge, perPixel, width: across, height: down }
}

/** The cell under a point, the first one of a pixel that stands for several; null beside the cells. */
export function cellAt(layout: CellLayout, x: number, y: number): number | null {
  const column = Math.floor(x / layout.edge) * layout.perPixel
  const row = Math.floor(y / layout.edge)
  const cell = row * layout.columns + column
  return x >= 0 && y >= 0 && column < layout.columns && cell < layout.count ? cell : null
}

/** Where a cell is drawn: its left upper corner. */
export function placeOf(layout: CellLayout, cell: number): { x: number; y: number } {
  const row = Math.floor(cell / layout.columns)
  return { x: Math.floor((cell - row * layout.columns) / layout.perPixel) * layout.edge, y: row * layout.edge }
}

/** "#rgb", "#rrggbb" as a pixel of ImageData, read as a little-endian word. */
export function pixelOf(colour: string): number {
  const hex = colour.replace('#', '')
  const full = hex.length === 3 ? hex.replaceAll(/./g, '$&$&') : hex
  const value = Number.parseInt(full, 16)
  return ((0xff << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0
}

/** Paints cells by class; `pixels` are the words of an ImageData of layout.width * layout.height, all 0 before. */
export function paint(layout: CellLayout, classes: Uint8Array, colours: Uint32Array, pixels: Uint32Array): void {
  const { count, columns, rows, edge, perPixel, width, height } = layout
  const size = edge > 3 ? edge - 1 : edge
  const tally = new Uint32Array(colours.length)
  for (let row = 0; row < rows; row++) {
    const top = row * edge
    if (top + size > height) break
    const end = Math.min(count, (row + 1) * columns)
    let x = 0
    for (let cell = row * columns; cell < end; cell += perPixel, x += edge) {
      const colour = colours[perPixel === 1 ? classes[cell]! : mostOf(classes, cell, Math.min(end, cell + perPixel), tally)]!
      const corner = top * width + x
      for (let dx = 0; dx < size; dx++) pixels[corner + dx] = colour
    }
    const line = top * width
    for (let dy = 1; dy < size; dy++) pixels.copyWithin(line + dy * width, line, line + width)
  }
}

function mostOf(classes: Uint8Array, from: number, to: number, tally: Uint32Array): number {
  tally.fill(0)
  let most = classes[from]!
  for (let cell = from; cell < to; cell++) {
    const one = classes[cell]!
    tally[one]! += 1
    if (tally[one]! > tally[most]!) most = one
  }
  return most
}
