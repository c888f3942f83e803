/**
 * The counting of a run's events by process and by object, as the timeline wants it: begun when an answer was estimated, stopped by who looks or when
 * nobody looks any more.
 */
import { computed, onBeforeUnmount, shallowRef, type ComputedRef } from 'vue'
import type { Notice } from '../../../electron/contract/contract.ts'
import { problemText } from '../../notify.ts'
import { useConnection } from '../../stores/connection.ts'

type TallyProgress = Notice<'tally.progress'>

export interface Tallying {
  /** How it stands, in words; empty where there is nothing to tell. */
  note: ComputedRef<string>
  isCounting: ComputedRef<boolean>
  isStopped: ComputedRef<boolean>
  /** An answer about a run came: where it was estimated, counting begins, unless it was stopped or failed. */
  answered(run: number, isEstimated: boolean): void
  start(): void
  stop(): void
}

/** `onProgress`: more has been counted, or it has ended. */
export function useTallying(onProgress: (hasEnded: boolean) => void): Tallying {
  const connection = useConnection()
  const run = shallowRef<number | null>(null)
  const progress = shallowRef<TallyProgress | null>(null)
  const isEstimated = shallowRef(false)

  const off = connection.on('tally.progress', (notice) => {
    if (notice.run !== run.value) return
    progress.value = notice
    onProgress(notice.state !== 'running')
  })

  function tell(action: 'start' | 'stop'): void {
    const id = run.value
    if (id === null) return
    if (action === 'start') progress.value = { run: id, state: 'running', done: 0, total: 0, error: null }
    connection.request('runs.tally', { id, action }).catch((error: unknown) => {
      progress.value = { run: id, state: 'failed', done: 0, total: 0, error: problemText(error) }
    })
  }
  const isCounting = computed(() => progress.value?.state === 'running')
  const stop = (): void => {
    if (isCounting.value) tell('stop')
  }

  onBeforeUnmount(() => {
    off()
    stop()
  })

  return {
    note: computed(() => {
      const at = progress.value
      if (at?.state === 'failed') return at.error ?? 'Counting failed'
      if (!isEstimated.value || !at || at.state === 'finished') return ''
      const share = at.total > 0 ? ` ${Math.floor((100 * at.done) / at.total)} %` : ''
      return at.state === 'running' ? `Estimated; counting all events${share === '' ? '…' : `,${share} done`}` : `Estimated from${share} of the run`
    }),
    isCounting,
    isStopped: computed(() => isEstimated.value && (progress.value?.state === 'stopped' || progress.value?.state === 'failed')),
    answered(id, estimated) {
      if (run.value !== id) {
        stop()
        run.value = id
        progress.value = null
      }
      isEstimated.value = estimated
      const state = progress.value?.state
      if (estimated && (state === undefined || state === 'finished')) tell('start')
    },
    start: () => tell('start'),
    stop,
  }
}
