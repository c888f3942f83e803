/** Events as text: CSV and JSON lines, in pieces of many lines, so that an export of any length needs no memory. */
import { eventColumns, eventKinds } from '../engine/sim/events.ts'
import { csvLine } from './csv.ts'
import type { EventWindow } from './events.ts'
import { noNames, type ObjectNames } from './objectNames.ts'

/**
 * Events as CSV, a header line first, in pieces of many lines. Times and durations are whole nanoseconds; the last column is what the
 * object, or the page of it, is called.
 */
export function* eventsAsCsv(windows: Iterable<EventWindow>, names: ObjectNames = noNames): Generator<string> {
  yield `event,${eventColumns.map(({ name, kind }) => (kind === 'f64' && name !== 'page' && name !== 'block' ? `${name}_ns` : name)).join(',')},object_name\n`
  for (const window of windows) {
    const columns = eventColumns.filter(({ name }) => name !== 'kind').map(({ name }) => window[name])
    let text = ''
    for (let row = 0; row < window.count; row++) {
      text += `${window.number[row]},${columns[0]![row]},${eventKinds[window.kind[row]!] ?? window.kind[row]}`
      for (let column = 1; column < columns.length; column++) text += `,${columns[column]![row]}`
      text += `,${csvLine([names.name(window.object[row]!, window.number[row]!, window.page[row])])}\n`
    }
    yield text
  }
}

/** Events as JSON lines, one object an event, in pieces of many lines. */
export function* eventsAsJsonLines(windows: Iterable<EventWindow>, names: ObjectNames = noNames): Generator<string> {
  for (const window of windows) {
    let text = ''
    for (let row = 0; row < window.count; row++) {
      const fields: Record<string, unknown> = { event: window.number[row] }
      for (const { name } of eventColumns)
        fields[name] = name === 'kind' ? (eventKinds[window.kind[row]!] ?? window.kind[row]) : window[name][row]
      fields.object_name = names.name(window.object[row]!, window.number[row]!, window.page[row])
      text += `${JSON.stringify(fields)}\n`
    }
    yield text
  }
}
