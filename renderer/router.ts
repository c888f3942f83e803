/**
 * Where the window is: the address's fragment, read and written by pure functions, so that a page can be reloaded, linked
 * to and gone back from. `#/runs/41/events` is the events of run 41.
 */
import { ref } from 'vue'

export const places = ['bench', 'workloads', 'runs', 'compare', 'sweeps', 'need', 'gallery', 'reports', 'settings'] as const
export type Place = (typeof places)[number]
/** Those that the rail shows, in its order; the others are reached from one of them. */
export const railPlaces = places.filter((place) => place !== 'need')

export const runTabs = ['overview', 'memory', 'devices', 'events', 'log', 'configuration', 'report'] as const
export type RunTab = (typeof runTabs)[number]

export interface Route {
  place: Place
  /** Experiments, runs, sweeps or reports that the page is about; the workload whose need of memory is looked for. */
  ids: number[]
  tab: RunTab
  /** What the page is about where that has no number: an experiment of the gallery. */
  name: string
  /** An address that leads nowhere; '' otherwise. */
  unknown: string
}

const isPlace = (text: string | undefined): text is Place => places.some((place) => place === text)
const isTab = (text: string | undefined): text is RunTab => runTabs.some((tab) => tab === text)

/** No address at all is the bench. */
export function parseRoute(hash: string): Route {
  const address = hash.replace(/^#?\/?/, '')
  const [place, ids = '', tab = '', ...more] = address.split('/')
  const isName = place === 'gallery' && /^[a-z][a-z0-9-]*$/.test(ids)
  // runs that are not recorded have negative numbers
  const idPattern = place === 'runs' ? /^-?\d+$/ : /^\d+$/
  const areIds = ids.split(',').every((id) => idPattern.test(id))
  const isKnown = isPlace(place) && (ids === '' || isName || areIds) && (tab === '' || (place === 'runs' && isTab(tab))) && more.length === 0
  return {
    place: isPlace(place) ? place : 'bench',
    ids: ids
      .split(',')
      .filter((part) => idPattern.test(part))
      .map(Number),
    tab: isTab(tab) ? tab : 'overview',
    name: isName ? ids : '',
    unknown: isKnown || address === '' ? '' : address,
  }
}

export function hashOf(place: Place, ids: readonly number[] = [], tab?: RunTab): string {
  return `#/${place}${ids.length > 0 ? `/${ids.join(',')}` : ''}${tab && ids.length > 0 ? `/${tab}` : ''}`
}

export const galleryHash = (name: string): string => `#/gallery/${name}`

/** The present place; changes with the address. */
export const route = ref<Route>(parseRoute(''))

export function go(place: Place, ids: readonly number[] = [], tab?: RunTab): void {
  window.location.hash = hashOf(place, ids, tab)
}

/** Follows the address from now on. */
export function startRouter(): void {
  const read = () => {
    route.value = parseRoute(window.location.hash)
  }
  window.addEventListener('hashchange', read)
  read()
}
