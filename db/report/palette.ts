/**
 * Colours and glyphs of reports: those of the window's light theme. A report is paper, so it has one theme. Colour means a
 * kind of event and never stands alone: each kind has a glyph, each run a stroke.
 */

export const eventColours = {
  fault: '#794d9c',
  zero: '#7a8a76',
  swapin: '#1667dc',
  swapout: '#b2520a',
  filein: '#2e91ba',
  fileout: '#b28400',
  error: '#920b20',
  daemon: '#1f7364',
  neutral: '#636570',
} as const
export type EventColour = keyof typeof eventColours

export const queueColours = {
  free: '#eeeef1',
  inactive: '#c3c5ce',
  active: '#888b98',
  wired: '#3b3d46',
  laundry: '#e0a878',
  unswappable: '#920b20',
} as const

/** Runs are told apart by stroke, then by lightness; so are devices. */
export const strokes = [
  { colour: '#1a1b1f', dash: '' },
  { colour: '#6f717c', dash: '7 3' },
  { colour: '#3f4149', dash: '2 2.5' },
  { colour: '#8e9099', dash: '10 3 2 3' },
  { colour: '#1a1b1f', dash: '4 2' },
  { colour: '#6f717c', dash: '1 2' },
] as const

export const strokeOf = (number: number): { colour: string; dash: string } =>
  strokes[number % strokes.length] ?? strokes[0]

export const paper = {
  text: '#1a1b1f',
  text2: '#4f5159',
  text3: '#636570',
  line: '#d0d0d8',
  grid: '#ededf1',
  surface: '#ffffff',
}

const glyphs: Record<EventColour, { path: string; hollow: boolean }> = {
  fault: { path: 'M5 .3 9.7 5 5 9.7 .3 5Z', hollow: false },
  zero: { path: 'M5 1.3a3.7 3.7 0 1 0 .01 0Z', hollow: true },
  swapin: { path: 'M.4 1.2h9.2L5 9.4Z', hollow: false },
  swapout: { path: 'M.4 8.8h9.2L5 .6Z', hollow: false },
  filein: { path: 'M1.6 1.9h6.8L5 8Z', hollow: true },
  fileout: { path: 'M1.6 8.1h6.8L5 2Z', hollow: true },
  error: { path: 'M1.4 1.4l7.2 7.2M8.6 1.4 1.4 8.6', hollow: true },
  daemon: { path: 'M1 1h8v8H1Z', hollow: false },
  neutral: { path: 'M3 5a2 2 0 1 0 4 0 2 2 0 1 0-4 0Z', hollow: false },
}

/** The glyph of a kind as the inside of an SVG, 10 by 10 units with its corner at x, y. */
export function glyphAt(kind: EventColour, x: number, y: number): string {
  const { path, hollow } = glyphs[kind]
  const colour = eventColours[kind]
  return `<path transform="translate(${x} ${y})" d="${path}" fill="${hollow ? 'none' : colour}" stroke="${hollow ? colour : 'none'}" stroke-width="1.7"/>`
}

/** The colour of each kind of event in a trace. */
export function colourOfKind(kind: string): EventColour {
  switch (kind) {
    case 'fault':
      return 'fault'
    case 'swapin':
      return 'swapin'
    case 'swapout':
      return 'swapout'
    case 'filein':
      return 'filein'
    case 'fileout':
      return 'fileout'
    case 'daemon':
    case 'evict':
      return 'daemon'
    case 'io-error':
    case 'panic':
    case 'defect':
      return 'error'
    default:
      return 'neutral'
  }
}
