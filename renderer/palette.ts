/**
 * The command palette: what it can do and go to, as plain data, and which of that a few typed letters mean. Adding a command
 * is adding an entry.
 */
import { ref } from 'vue'
import { parseExperiment } from '../electron/contract/experiment.ts'
import { attempt, notifyProblem } from './notify.ts'
import { galleryHash, go, hashOf, places, route, runTabs } from './router.ts'
import { newExperiment, useBench } from './stores/bench.ts'
import { useExperiments } from './stores/experiments.ts'
import { useGallery } from './stores/gallery.ts'
import { useReplays } from './stores/replays.ts'
import { useReports } from './stores/reports.ts'
import { statusTexts, useRuns } from './stores/runs.ts'
import { useRunView } from './stores/runView.ts'
import { useSweeps } from './stores/sweeps.ts'
import { useWorkloads } from './stores/workloads.ts'
import { shownTheme, theme } from './theme.ts'

/** Whether the palette is shown. */
export const paletteOpen = ref(false)

export interface PaletteEntry {
  /** What it is: the heading that it stands under. */
  group: 'Here' | 'Go to' | 'Do' | 'Run' | 'Experiment' | 'Gallery' | 'Workload' | 'Sweep' | 'Report'
  title: string
  /** What tells it from others of the same name. */
  hint: string
  /** Keys that do the same. */
  keys: string
  run: () => unknown
}

const entry = (
  group: PaletteEntry['group'],
  title: string,
  run: PaletteEntry['run'],
  hint = '',
  keys = '',
): PaletteEntry => ({ group, title, hint, keys, run })
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** All that there is to do now. */
export function paletteEntries(help: () => void): PaletteEntry[] {
  return [...here(), ...placesToGo(), ...actions(help), ...stored()]
}

/** What belongs to the run that is open. */
function here(): PaletteEntry[] {
  const view = useRunView()
  const { id } = view
  if (route.value.place !== 'runs' || id === null) return []
  const tabs = runTabs.map((tab, i) =>
    entry('Here', `Tab ${capital(tab)}`, () => go('runs', [id], tab), `run ${id}`, String(i + 1)),
  )
  if (!view.live)
    return [
      entry('Here', 'Replay this run', () => replay(id), `run ${id}`),
      entry('Here', 'Replay this run otherwise…', () => useReplays().ask(id), `run ${id}`),
      ...tabs,
    ]
  return [
    entry('Here', view.detail?.status === 'paused' ? 'Play' : 'Pause', () => view.playOrPause(), `run ${id}`, 'Space'),
    entry('Here', 'Step one reference', () => view.control('step-reference'), `run ${id}`),
    entry('Here', 'Step to the next fault', () => view.control('step-fault'), `run ${id}`, '.'),
    entry('Here', 'Step to the next I/O', () => view.control('step-io'), `run ${id}`),
    entry('Here', 'Stop', () => view.control('stop'), `run ${id}`),
    ...tabs,
  ]
}

const placesToGo = (): PaletteEntry[] =>
  places.map((place) => entry('Go to', place === 'need' ? 'How much RAM is needed' : capital(place), () => go(place)))

function actions(help: () => void): PaletteEntry[] {
  const bench = useBench()
  const begin = (): void => {
    bench.begin(newExperiment())
    go('bench')
  }
  const otherTheme = shownTheme.value === 'dark' ? 'light' : 'dark'
  return [
    ...(bench.canRun
      ? [
          entry('Do', 'Run what is on the bench', () => runBench(false), bench.draft?.name ?? '', 'Ctrl ↵'),
          entry('Do', 'Run what is on the bench, starting paused', () => runBench(true), bench.draft?.name ?? ''),
        ]
      : []),
    ...(bench.isDirty
      ? [
          entry(
            'Do',
            'Save the experiment',
            () => attempt('Not saved', () => bench.save()),
            bench.draft?.name ?? '',
            'Ctrl S',
          ),
        ]
      : []),
    ...(bench.draft
      ? [
          entry(
            'Do',
            'Duplicate the experiment',
            () => {
              bench.duplicate()
              go('bench')
            },
            bench.draft.name,
          ),
        ]
      : []),
    entry('Do', 'New experiment', begin),
    entry('Do', 'Import a trace', () => go('workloads'), 'or drop the file on the window'),
    entry('Do', `Change to the ${otherTheme} theme`, () => {
      theme.value = otherTheme
    }),
    entry('Do', 'Theme as the system has it', () => {
      theme.value = 'system'
    }),
    entry('Do', 'Show all keys', help, '', '?'),
  ]
}

/** What the workspace holds. */
function stored(): PaletteEntry[] {
  const bench = useBench()
  return [
    ...useRuns().newest.map((run) =>
      entry('Run', run.name, () => go('runs', [run.id]), `${useRuns().isRecorded(run.id) ? `run ${run.id}` : 'not recorded'}, ${statusTexts[run.status].toLowerCase()}`),
    ),
    ...useExperiments().items.map((item) =>
      entry(
        'Experiment',
        item.name,
        () => {
          bench.open(item)
          go('bench')
        },
        'open on the bench',
      ),
    ),
    ...useGallery().items.map((item) =>
      entry(
        'Gallery',
        item.title,
        () => {
          window.location.hash = galleryHash(item.name)
        },
        item.subtitle,
      ),
    ),
    ...useWorkloads().items.map((item) => entry('Workload', item.name, () => go('workloads'), item.source)),
    ...useSweeps().items.map((item) => entry('Sweep', item.name, () => go('sweeps', [item.id]))),
    ...useReports().items.map((item) => entry('Report', item.name, () => go('reports', [item.id]), item.format)),
  ]
}

async function runBench(startPaused: boolean): Promise<void> {
  const bench = useBench()
  const { file } = parseExperiment(JSON.parse(bench.text))
  if (!file) return
  try {
    window.location.hash = hashOf('runs', [await bench.start(true, startPaused)])
  } catch (error) {
    notifyProblem(error, 'Not started')
  }
}

async function replay(id: number): Promise<void> {
  await attempt('Not replayed', async () => go('runs', [await useRuns().replay(id)]))
}

const SHOWN_MAX = 60

/**
 * The entries that hold every typed word, best first: a title that begins with what was typed, then a word of it that does, then
 * the rest; within the same rank they stay in order. Nothing typed: all that is not stored, and the newest runs.
 */
export function rankEntries(entries: readonly PaletteEntry[], typed: string): PaletteEntry[] {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) {
    const isStored = (each: PaletteEntry) => !['Here', 'Go to', 'Do'].includes(each.group)
    return [...entries.filter((each) => !isStored(each)), ...entries.filter((each) => each.group === 'Run').slice(0, 5)]
  }
  const ranked = entries.flatMap((each) => {
    const rank = rankOf(each, words)
    return rank === null ? [] : [{ each, rank }]
  })
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, SHOWN_MAX)
    .map(({ each }) => each)
}

function rankOf(each: PaletteEntry, words: readonly string[]): number | null {
  const title = each.title.toLowerCase()
  const all = `${title} ${each.group.toLowerCase()} ${each.hint.toLowerCase()}`
  if (!words.every((word) => all.includes(word))) return null
  if (title.startsWith(words.join(' '))) return 0
  if (words.every((word) => title.split(/\W+/).some((part) => part.startsWith(word)))) return 1
  return words.every((word) => title.includes(word)) ? 2 : 3
}
