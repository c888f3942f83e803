/**
 * What is typed above the table of events, as what the service can look up: "object 12 page 0x1a2", "device swap1", "evicted, swap out".
 * `event 1000` is a place to go to. Pure.
 */
import { kindLabel } from './events.ts'

export interface EventSearch {
  /** None: all. */
  kinds: string[]
  object?: number
  page?: number
  device?: number
  /** Event to go to. */
  event?: number
  /** Words that say nothing that is known. */
  unknown: string[]
}

export interface Known {
  kinds: readonly string[]
  devices: readonly string[]
}

export function parseSearch(text: string, { kinds, devices }: Known): EventSearch {
  const search: EventSearch = { kinds: [], unknown: [] }
  // kinds have names of several words, so they are looked for first
  let rest = ` ${text.toLowerCase().replaceAll(/[\s,]+/g, ' ')} `
  for (const kind of [...kinds].sort((a, b) => kindLabel(b).length - kindLabel(a).length))
    for (const name of [kindLabel(kind), kind]) {
      if (!rest.includes(` ${name} `)) continue
      rest = rest.replace(` ${name} `, ' ')
      search.kinds.push(kind)
    }
  const words = rest.split(' ').filter((word) => word !== '')
  for (let i = 0; i < words.length; i++) {
    const [word, value] = [words[i]!, words[i + 1]]
    const number = value === undefined ? NaN : Number(value)
    if ((word === 'object' || word === 'page' || word === 'event') && Number.isInteger(number) && number >= 0) {
      search[word] = number
      i++
    } else if (word === 'device' && value !== undefined) {
      const named = devices.findIndex((name) => name.toLowerCase().includes(value))
      const device = Number.isInteger(number) ? number : named
      if (device >= 0) search.device = device
      else search.unknown.push(value)
      i++
    } else search.unknown.push(word)
  }
  // a page says nothing without its object
  if (search.page !== undefined && search.object === undefined) {
    delete search.page
    search.unknown.push('page without object')
  }
  return search
}
