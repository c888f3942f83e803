/**
 * The experiment on the bench: what is being edited, its history, and what the service says about it.
 *
 * The draft is a whole experiment file with its defaults filled in. After every change the service checks it (a moment
 * after the last keystroke); its complaints carry the path of the field (`swap.devices[0].image`) and are shown there.
 */
import { defineStore } from 'pinia'
import { computed, ref, shallowReactive, shallowRef, toRaw, watch } from 'vue'
import { parseExperiment, type ExperimentFile, type ExperimentIssue } from '../../electron/contract/experiment.ts'
import type { ExperimentInfo, Result } from '../../electron/contract/contract.ts'
import { problemText } from '../notify.ts'
import { useConnection } from './connection.ts'
import { useExperiments } from './experiments.ts'
import { useRuns } from './runs.ts'

export type CheckResult = Result<'experiments.check'>

const CHECK_AFTER_MS = 180
const HISTORY_STEPS = 100

const copy = (file: ExperimentFile): ExperimentFile => structuredClone(toRaw(file))

/** An experiment to begin with: one process that goes through a Zipf-distributed working set. */
export function newExperiment(): ExperimentFile {
  const { file } = parseExperiment({
    name: 'New experiment',
    processes: [{ workload: { generator: 'zipf' } }],
  })
  if (!file) throw new Error('the experiment to begin with does not follow the schema')
  return file
}

export const useBench = defineStore('bench', () => {
  const connection = useConnection()
  const experiments = useExperiments()
  const runs = useRuns()

  const id = ref<number | null>(null)
  const draft = ref<ExperimentFile | null>(null)
  /** The run that the draft is a changed configuration of, and is to replay; null: it is an experiment of its own. */
  const replayOf = shallowRef<{ run: number; processes: string } | null>(null)
  /** JSON of the draft as it was saved; '' for one that never was. */
  const savedText = ref('')
  const text = computed(() => (draft.value ? JSON.stringify(draft.value) : ''))
  const isDirty = computed(() => draft.value !== null && text.value !== savedText.value)

  /** Former states, oldest first, and undone ones. */
  const past = shallowRef<ExperimentFile[]>([])
  const future = shallowRef<ExperimentFile[]>([])
  let present: ExperimentFile | null = null
  let restoring = false

  const check = shallowRef<CheckResult | null>(null)
  const checkProblem = ref('')
  const checking = ref(false)
  /** What fields hold that cannot even be put into the draft, by path: "12 pages" in a number. */
  const unreadable = shallowReactive(new Map<string, string>())
  let newestCheck = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const issues = computed<ExperimentIssue[]>(() => [
    ...[...unreadable].map(([field, message]) => ({ field, message })),
    ...(check.value?.issues ?? []),
  ])
  const canRun = computed(() => draft.value !== null && issues.value.length === 0 && check.value !== null && checkProblem.value === '')

  function put(file: ExperimentFile, experimentId: number | null, saved: string): void {
    unreadable.clear()
    past.value = []
    future.value = []
    replayOf.value = null
    id.value = experimentId
    draft.value = copy(file)
    present = copy(file)
    savedText.value = saved
    scheduleCheck(0)
  }
  const open = (experiment: ExperimentInfo): void => put(experiment.file, experiment.id, JSON.stringify(experiment.file))
  const begin = (file: ExperimentFile): void => put(file, null, '')
  /** Puts a run's configuration there, to be changed and then replayed. */
  function beginReplay(run: number, file: ExperimentFile): void {
    begin(file)
    replayOf.value = { run, processes: JSON.stringify(file.processes) }
  }
  /** Whether running the draft is a replay: it is while its input is that of the run. */
  const replayedRun = computed(() => {
    const original = replayOf.value
    return original && draft.value && JSON.stringify(draft.value.processes) === original.processes ? original.run : null
  })
  /** Runs what is there. Answers the run's id. */
  function start(record: boolean, startPaused: boolean): Promise<number> {
    const file: unknown = JSON.parse(text.value)
    // a replay is recorded and begins at once
    if (replayedRun.value !== null && record && !startPaused) return runs.replay(replayedRun.value, file)
    return runs.start({ file, record, startPaused })
  }
  /** Puts a copy of what is on the bench there, under its own name and not saved. */
  function duplicate(): void {
    if (draft.value) begin({ ...copy(draft.value), name: `${draft.value.name} (copy)` })
  }
  function close(): void {
    id.value = null
    draft.value = null
    check.value = null
    past.value = []
    future.value = []
    present = null
  }

  async function runCheck(): Promise<void> {
    const mine = ++newestCheck
    if (!draft.value) return
    checking.value = true
    try {
      const answer = await connection.request('experiments.check', { file: JSON.parse(text.value) })
      if (mine !== newestCheck) return
      check.value = answer
      checkProblem.value = ''
    } catch (error) {
      if (mine === newestCheck) checkProblem.value = problemText(error)
    } finally {
      if (mine === newestCheck) checking.value = false
    }
  }
  function scheduleCheck(delayMs = CHECK_AFTER_MS): void {
    clearTimeout(timer)
    timer = setTimeout(() => void runCheck(), delayMs)
  }

  watch(text, (now) => {
    if (!draft.value || !present || now === JSON.stringify(present)) return
    if (!restoring) {
      past.value = [...past.value, present].slice(-HISTORY_STEPS)
      future.value = []
    }
    restoring = false
    present = copy(draft.value)
    scheduleCheck()
  })

  function restore(from: typeof past, to: typeof past): void {
    const stored = from.value.at(-1)
    if (!stored || !present) return
    from.value = from.value.slice(0, -1)
    to.value = [...to.value, present]
    restoring = true
    unreadable.clear()
    draft.value = copy(stored)
  }
  const undo = (): void => restore(past, future)
  const redo = (): void => restore(future, past)

  async function save(): Promise<ExperimentInfo> {
    const saved = await experiments.save(id.value, JSON.parse(text.value))
    id.value = saved.id
    savedText.value = text.value
    return saved
  }

  /** The complaint about a field, or about something inside it if `inside` is set; '' if there is none. */
  function issueAt(path: string, inside = false): string {
    const found = issues.value.find((issue) => issue.field === path || (inside && (issue.field.startsWith(`${path}.`) || issue.field.startsWith(`${path}[`))))
    return found?.message ?? ''
  }

  return { id, draft, text, isDirty, past, future, check, checkProblem, checking, unreadable, issues, canRun, replayedRun, start, open, begin, beginReplay, duplicate, close, runCheck, scheduleCheck, undo, redo, save, issueAt }
})
