/**
 * One colour and one glyph for each kind of event, everywhere: down is into memory, up is out of it; filled is swap,
 * hollow is a file; a ring is a zero fill, a cross an error. Nothing rests on colour alone.
 */

export type GlyphKind = 'fault' | 'cow' | 'zero' | 'swapin' | 'swapout' | 'filein' | 'fileout' | 'error' | 'daemon' | 'other'

export interface Glyph {
  /** How it is read out. */
  name: string
  /** Drawn in a box of 10 by 10. */
  path: string
  hollow: boolean
  /** Custom property that holds its colour. */
  colour: string
  strokeWidth: number
}

const shapes = {
  diamond: 'M5 .3 9.7 5 5 9.7 .3 5Z',
  diamondHollow: 'M5 1.3 8.7 5 5 8.7 1.3 5Z',
  ring: 'M5 1.3a3.7 3.7 0 1 0 .01 0Z',
  down: 'M.4 1.2h9.2L5 9.4Z',
  downHollow: 'M1.6 1.9h6.8L5 8Z',
  up: 'M.4 8.8h9.2L5 .6Z',
  upHollow: 'M1.6 8.1h6.8L5 2Z',
  cross: 'M1.4 1.4l7.2 7.2M8.6 1.4 1.4 8.6',
  square: 'M1 1h8v8H1Z',
  bar: 'M1.5 5h7',
}

const glyph = (name: string, path: string, colour: string, hollow = false, strokeWidth = 1.7): Glyph => ({ name, path, colour, hollow, strokeWidth })

export const glyphs: Record<GlyphKind, Glyph> = {
  fault: glyph('fault', shapes.diamond, '--ev-fault'),
  cow: glyph('copy on write', shapes.diamondHollow, '--ev-fault', true),
  zero: glyph('zero fill', shapes.ring, '--ev-zero', true),
  swapin: glyph('swap in', shapes.down, '--ev-swapin'),
  swapout: glyph('swap out', shapes.up, '--ev-swapout'),
  filein: glyph('file in', shapes.downHollow, '--ev-filein', true),
  fileout: glyph('file out', shapes.upHollow, '--ev-fileout', true),
  error: glyph('error', shapes.cross, '--ev-error', true, 2),
  daemon: glyph('page daemon', shapes.square, '--ev-daemon'),
  other: glyph('event', shapes.bar, '--text-3', true),
}

/** Icons of the chrome, in a box of 16 by 16, drawn with lines in the colour of the text. */
export const icons = {
  bench: 'M2 4.5h12M2 8h12M2 11.5h12M5 3v3M10.5 6.5v3M7 10v3',
  workloads: 'M2 12.5V9l3-3 3 4 3-6 3 3.5v5Z',
  runs: 'M2.5 3.5v9M5.5 5l6.5 3-6.5 3ZM14 3.5v9',
  compare: 'M5.5 2.5v11M10.5 2.5v11M2.5 5.5h3M2.5 9h3M10.5 7h3M10.5 10.5h3',
  sweeps: 'M2.5 2.5h4v4h-4ZM9.5 2.5h4v4h-4ZM2.5 9.5h4v4h-4ZM9.5 9.5h4v4h-4Z',
  gallery: 'M2.5 3.5h11v7h-11ZM5.5 13.5h5M8 10.5v3M4.5 8.5l2-2 1.5 1.5 3-3',
  reports: 'M4 2h5.5L12.5 5v9H4ZM9.5 2v3h3M6 8h4.5M6 10.5h4.5',
  settings: 'M2 5h6.5M11.5 5H14M2 11h2.5M7.5 11H14M10 3.3a1.7 1.7 0 1 0 .01 0ZM6 9.3a1.7 1.7 0 1 0 .01 0Z',
  play: 'M4.5 3l8 5-8 5Z',
  pause: 'M5.2 3.2v9.6M10.8 3.2v9.6',
  stepBack: 'M12 3.5 6 8l6 4.5ZM4 3.5v9',
  step: 'M4 3.5 10 8l-6 4.5ZM12 3.5v9',
  stop: 'M4 4h8v8H4Z',
  replay: 'M3.2 8a4.8 4.8 0 1 0 1.6-3.6M3 2.8v2.6h2.6',
  search: 'M7 2.8a4.2 4.2 0 1 0 .01 0ZM10.2 10.2l3.3 3.3',
  down: 'M4 6.5 8 10.5l4-4',
  right: 'M6.5 4l4 4-4 4',
  left: 'M9.5 4l-4 4 4 4',
  up: 'M4 9.5 8 5.5l4 4',
  plus: 'M8 3v10M3 8h10',
  remove: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5 6.5 12 13 4.5',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  undo: 'M3 6.5h7a3.5 3.5 0 0 1 0 7H6M6 3.5l-3 3 3 3',
  redo: 'M13 6.5H6a3.5 3.5 0 0 0 0 7h4M10 3.5l3 3-3 3',
  theme: 'M8 2.5a5.5 5.5 0 1 0 .01 0ZM8 2.5v11M8 5h4.3M8 8h5.5M8 11h4.3',
  disk: 'M2.5 9h11v4h-11ZM4 3h8l1.5 6h-11ZM11 11h.5',
  file: 'M4 2h5.5L12.5 5v9H4ZM9.5 2v3h3',
  warn: 'M8 2.2 14.5 13.5h-13ZM8 6.5v3.2M8 11.7v.1',
  export: 'M8 10V2.5M5 5.2l3-2.7 3 2.7M3 9v4.5h10V9',
  fit: 'M2.5 5.5v-3h3M13.5 5.5v-3h-3M2.5 10.5v3h3M13.5 10.5v3h-3',
  full: 'M2.5 5.5v-3h3M13.5 5.5v-3h-3M2.5 10.5v3h3M13.5 10.5v3h-3M6 6h4v4H6Z',
  clock: 'M8 2.5a5.5 5.5 0 1 0 .01 0ZM8 5v3.2l2.2 1.3',
} as const
export type IconName = keyof typeof icons
