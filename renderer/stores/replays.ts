/** The question how a run is to be replayed: asked from several places, answered in one dialog (components/ReplayDialog.vue). */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export const useReplays = defineStore('replays', () => {
  /** The run that the dialog is about; null: it is closed. */
  const run = ref<number | null>(null)
  function ask(id: number): void {
    run.value = id
  }
  function close(): void {
    run.value = null
  }
  return { run, ask, close }
})
