/**
 * The machine of the run that is looked at, at a moment: now, or any that was recorded. Maps, step buttons and strip share it. What a view
 * wants to see of it is asked for whenever the moment changes; an answer that comes too late is dropped.
 */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { ContractError, type MachineState, type MomentOfRun } from '../../electron/contract/contract.ts'
import { problemText } from '../notify.ts'
import { useConnection } from './connection.ts'
import { useRunView } from './runView.ts'

/** What steps go on to, and the kinds of event that are one; none: any event. */
export const stepKinds = {
  fault: { label: 'Fault', kinds: ['fault'] },
  io: { label: 'I/O', kinds: ['swapin', 'swapout', 'filein', 'fileout'] },
  reference: { label: 'Reference', kinds: [] },
  event: { label: 'Any event', kinds: [] },
  swapin: { label: 'Swap in', kinds: ['swapin'] },
  swapout: { label: 'Swap out', kinds: ['swapout'] },
  evict: { label: 'Eviction', kinds: ['evict'] },
  daemon: { label: 'Page daemon', kinds: ['daemon'] },
  error: { label: 'Error', kinds: ['io-error', 'defect', 'panic'] },
  admin: { label: 'Change', kinds: ['admin', 'swapoff'] },
} as const
export type StepKind = keyof typeof stepKinds

export const isStepKind = (value: unknown): value is StepKind => typeof value === 'string' && Object.hasOwn(stepKinds, value)

/** What of a machine is asked for; each is read by whoever put it here. */
export type Look = (id: number, at: MomentOfRun) => Promise<void>

export const useMachine = defineStore('machine', () => {
  const connection = useConnection()
  const view = useRunView()

  /** Null: now; of a run that has ended, just before its last reference. */
  const moment = shallowRef<MomentOfRun>(null)
  const state = shallowRef<MachineState | null>(null)
  const step = ref<StepKind>('fault')
  const busy = ref(false)
  /** Of a moment that takes long to reach, how much of the way is done. */
  const done = ref<number | null>(null)
  const problem = ref('')
  const looks = new Set<Look>()

  const isNow = computed(() => moment.value === null)
  /** What the requests are about. A machine whose processes have all exited is empty: the last that there is to see is before. */
  function at(): MomentOfRun {
    if (moment.value !== null || view.live) return moment.value
    return { reference: Math.max(0, (view.totals?.references ?? 1) - 1) }
  }

  let newest = 0
  async function load(): Promise<void> {
    const id = view.id
    if (id === null || !view.detail) {
      busy.value = false
      return
    }
    const mine = ++newest
    const of = at()
    busy.value = true
    done.value = null
    try {
      const asked = connection.request('runs.moment', { id, at: of })
      const [answer] = await Promise.all([asked, ...[...looks].map((look) => look(id, of))])
      if (mine !== newest) return
      state.value = answer
      problem.value = ''
      if (moment.value !== null) view.setCursor(answer.virtualNs)
    } catch (error) {
      if (mine === newest && !(error instanceof ContractError && error.code === 'superseded')) problem.value = problemText(error)
    } finally {
      if (mine === newest) {
        busy.value = false
        done.value = null
      }
    }
  }
  let isDue = false
  /** At the next frame, so that dragging asks no more often than it is drawn. */
  function loadSoon(): void {
    if (isDue || (looks.size === 0 && moment.value === null)) return
    isDue = true
    busy.value = true
    requestAnimationFrame(() => {
      isDue = false
      void load()
    })
  }

  /** Hears of moments that take long to reach, until the function it answers is called. */
  const follow = (): (() => void) =>
    connection.on('moment.progress', (notice) => {
      if (notice.run === view.id && busy.value) done.value = notice.done
    })

  /** Keeps what is seen up to date until the function it answers is called. */
  function watchMachine(look: Look): () => void {
    looks.add(look)
    loadSoon()
    return () => looks.delete(look)
  }

  function show(at: MomentOfRun): void {
    moment.value = at
    loadSoon()
  }
  /** The machine as it is; of a run that has ended, at its end. */
  const now = (): void => {
    show(null)
    view.setCursor(null)
  }

  /** To the next event of the chosen kind, or the previous one. A machine that stands still at its newest moment is stepped itself. */
  async function stepBy(direction: 1 | -1): Promise<void> {
    const id = view.id
    if (id === null) return
    const { kinds } = stepKinds[step.value]
    if (direction > 0 && view.live && moment.value === null) {
      await view.control(step.value === 'reference' ? 'step-reference' : step.value === 'fault' ? 'step-fault' : step.value === 'io' ? 'step-io' : 'step-event', kinds)
      return
    }
    if (view.status === 'running') return
    try {
      const here = await connection.request('runs.moment', { id, at: at() })
      if (step.value === 'reference') {
        show({ reference: Math.max(0, here.references + direction) })
      } else {
        const found = await connection.request('runs.neighbour', { id, event: here.events - 1, isAfter: direction > 0, kinds: [...kinds] })
        if (found) show({ event: found.event })
        else if (direction > 0) now()
        else show({ ns: 0 })
      }
    } catch (error) {
      if (!(error instanceof ContractError && error.code === 'superseded')) problem.value = problemText(error)
    }
  }

  watch(
    () => view.id,
    () => {
      moment.value = null
      state.value = null
      problem.value = ''
    },
  )
  watch([() => view.detail, () => view.status], () => loadSoon())
  // a running machine is looked at a few times a second, one that is stepped at each step
  let lookedAt = 0
  watch(
    () => view.progress?.references,
    () => {
      if (moment.value !== null || busy.value) return
      const time = performance.now()
      if (view.status === 'running' && time - lookedAt < 250) return
      lookedAt = time
      loadSoon()
    },
  )

  return { moment, state, step, busy, done, follow, problem, isNow, at, load, watchMachine, show, now, stepBy }
})
