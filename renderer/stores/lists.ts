/** What every list of the workbench does alike: load, load again when the service says it changed, say why it failed. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import type { Notice } from '../../electron/contract/contract.ts'
import { problemText } from '../notify.ts'
import { useConnection } from './connection.ts'

export interface LoadedList<Item> {
  items: ShallowRef<Item[]>
  /** False until the first answer is there: an empty list and one not loaded yet look different. */
  loaded: Ref<boolean>
  problem: Ref<string>
  load: () => Promise<void>
  /** Loads now, and whenever the service says that it changed. */
  follow: () => void
}

export function loadedList<Item>(what: Notice<'changed'>['what'], fetchItems: () => Promise<Item[]>): LoadedList<Item> {
  const items: ShallowRef<Item[]> = shallowRef([])
  const loaded = ref(false)
  const problem = ref('')
  let newest = 0

  async function load(): Promise<void> {
    const mine = ++newest
    try {
      const answer = await fetchItems()
      if (mine !== newest) return
      items.value = answer
      problem.value = ''
      loaded.value = true
    } catch (error) {
      if (mine === newest) problem.value = problemText(error)
    }
  }

  function follow(): void {
    useConnection().on('changed', (notice) => {
      if (notice.what === what) void load()
    })
    void load()
  }

  return { items, loaded, problem, load, follow }
}
