/**
 * The rows of the table of events as elements that are made once and then told what to show: a table that follows a range shows other
 * events ten times a second, and new elements, or cells that depend on each other's widths, would cost more than all else of the page.
 */
import { glyphs, type GlyphKind } from '../../glyphs.ts'

/** Classes of the columns, in their order. */
export const eventColumns = ['number', 'time', 'after', 'kind', 'process', 'object', 'page', 'what', 'device', 'took'] as const
export type EventColumn = (typeof eventColumns)[number]

const classes: Record<EventColumn, string> = { number: 'num t3', time: 'num mono', after: 'num t2', kind: '', process: '', object: 'num', page: 'num mono', what: '', device: '', took: 'num' }

export interface ShownRow {
  /** Place in the table. */
  index: number
  isSelected: boolean
  glyph: GlyphKind | null
  /** Text of the columns; null: not there yet. */
  cells: Record<EventColumn, string> | null
}

const svg = 'http://www.w3.org/2000/svg'

class RowElement {
  readonly element = document.createElement('tr')
  readonly #texts: Record<EventColumn, Text>
  readonly #path = document.createElementNS(svg, 'path')
  readonly #glyphBox = document.createElementNS(svg, 'svg')
  #glyph: GlyphKind | null = null

  constructor() {
    this.element.setAttribute('role', 'row')
    const cell = (column: EventColumn): Text => {
      const place = document.createElement('td')
      place.setAttribute('role', 'cell')
      place.className = `${column} ${classes[column]}`
      const text = document.createTextNode('')
      if (column === 'kind') place.append(this.#glyphBox, ' ')
      place.append(text)
      this.element.append(place)
      return text
    }
    this.#glyphBox.append(this.#path)
    for (const [name, value] of Object.entries({ class: 'glyph', width: '10', height: '10', viewBox: '0 0 10 10', 'aria-hidden': 'true' })) this.#glyphBox.setAttribute(name, value)
    const [number, time, after, kind, process, object, page, what, device, took] = [cell('number'), cell('time'), cell('after'), cell('kind'), cell('process'), cell('object'), cell('page'), cell('what'), cell('device'), cell('took')]
    this.#texts = { number, time, after, kind, process, object, page, what, device, took }
  }

  show({ index, isSelected, glyph, cells }: ShownRow): void {
    this.element.setAttribute('aria-rowindex', String(index + 1))
    this.element.setAttribute('aria-selected', String(isSelected))
    for (const column of eventColumns) {
      const text = cells ? cells[column] : column === 'number' ? '…' : ''
      if (this.#texts[column].data !== text) this.#texts[column].data = text
    }
    if (glyph === this.#glyph) return
    this.#glyph = glyph
    if (glyph === null) this.#path.removeAttribute('d')
    else {
      const { path, colour, hollow, strokeWidth } = glyphs[glyph]
      const attributes = { d: path, fill: hollow ? 'none' : `var(${colour})`, stroke: hollow ? `var(${colour})` : 'none', 'stroke-width': String(strokeWidth) }
      for (const [name, value] of Object.entries(attributes)) this.#path.setAttribute(name, value)
    }
  }
}

export class EventRowElements {
  readonly #body: HTMLElement
  readonly #rows: RowElement[] = []

  constructor(body: HTMLElement) {
    this.#body = body
  }

  show(rows: readonly ShownRow[]): void {
    while (this.#rows.length > rows.length) this.#rows.pop()?.element.remove()
    rows.forEach((row, i) => {
      let known = this.#rows[i]
      if (!known) {
        known = new RowElement()
        this.#rows.push(known)
        this.#body.append(known.element)
      }
      known.show(row)
    })
  }
}

/** Place in the table of the row that an element lies in; null: in none. */
export function indexAt(target: EventTarget | null): number | null {
  const place = target instanceof Element ? target.closest('tr')?.getAttribute('aria-rowindex') : null
  return place ? Number(place) - 1 : null
}
