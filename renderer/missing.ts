/** What an address names and this workspace does not have: said in place of the page, with the way back. Runs say so on their own page. */
import { hashOf, type Route } from './router.ts'

export interface Missing {
  title: string
  text: string
  /** Where to go instead, and what that is called. */
  to: string
  label: string
}

/** Whether something of a list is known not to be there; false while the list is not loaded. */
export interface Known {
  experiment: (id: number) => boolean
  workload: (id: number) => boolean
  sweep: (id: number) => boolean
  report: (id: number) => boolean
  gallery: (name: string) => boolean
}

const REMOVED = 'It may have been deleted, or the address is one of another workspace.'

export function missingAt({ place, ids: [id], name, unknown }: Route, lacks: Known): Missing | null {
  if (unknown !== '') return { title: `Nothing is at #/${unknown}`, text: 'The address may have been mistyped, or come from another version of the workbench.', to: hashOf('bench'), label: 'To the bench' }
  if (place === 'gallery')
    return name !== '' && lacks.gallery(name) ? { title: `The gallery has no experiment “${name}”`, text: 'Experiments are named by their folder in examples/gallery.', to: hashOf('gallery'), label: 'To the gallery' } : null
  if (id === undefined) return null
  if (place === 'bench' && lacks.experiment(id)) return { title: `There is no experiment ${id}`, text: REMOVED, to: hashOf('bench'), label: 'To the bench' }
  if (place === 'need' && lacks.workload(id)) return { title: `There is no workload ${id}`, text: REMOVED, to: hashOf('workloads'), label: 'All workloads' }
  if (place === 'sweeps' && lacks.sweep(id)) return { title: `There is no sweep ${id}`, text: REMOVED, to: hashOf('sweeps'), label: 'All sweeps' }
  if (place === 'reports' && lacks.report(id)) return { title: `There is no report ${id}`, text: REMOVED, to: hashOf('reports'), label: 'All reports' }
  return null
}
