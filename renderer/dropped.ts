/** A file that was dropped on the window or opened from its menu: what it is, and what is done with it. */
import { parseExperiment } from '../electron/contract/experiment.ts'
import { attempt, notifyDone, notifyProblem } from './notify.ts'
import { go } from './router.ts'
import { useBench } from './stores/bench.ts'
import { useConnection } from './stores/connection.ts'
import { useImages } from './stores/images.ts'
import { useWorkloads } from './stores/workloads.ts'

export type DroppedKind = 'experiment' | 'image' | 'run' | 'trace'

/** What a packed run begins with (db/recordFile.ts). */
const PACK_MAGIC = 'PWBRUN1\n'

/** What a file is, by its name and its first bytes. */
export function kindOfFile(name: string, head: string): DroppedKind {
  if (head.startsWith(PACK_MAGIC)) return 'run'
  if (/\.json$/i.test(name)) return 'experiment'
  return /\.(img|raw|iso|dd)$/i.test(name) ? 'image' : 'trace'
}

/** Puts an experiment's text on the bench, or says what is wrong with it. */
export function openExperimentText(text: string, name: string): void {
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch (error) {
    notifyProblem(error, `${name} is no JSON`)
    return
  }
  const { file, issues } = parseExperiment(input)
  if (!file) {
    const [issue] = issues
    notifyProblem(issue ? `${issue.field}: ${issue.message}` : 'it is none', `${name} is no experiment`)
    return
  }
  useBench().begin(file)
  go('bench')
}

export async function importTrace(path: string): Promise<void> {
  go('workloads')
  await attempt('Not imported', () =>
    useWorkloads().importFile({ path, format: '', name: '', limit: 0, eventsPerReference: 1 }),
  )
}

/** Takes in what was dropped, each by its kind. */
export async function takeFiles(files: Iterable<File>): Promise<void> {
  const connection = useConnection()
  for (const file of files) {
    const kind = kindOfFile(file.name, await file.slice(0, PACK_MAGIC.length).text())
    if (kind === 'experiment') openExperimentText(await file.text(), file.name)
    else
      await attempt(`${file.name} was not taken in`, async () => {
        if (kind === 'image' && connection.host().host === 'browser')
          throw new Error('a browser does not tell where the image is; add it by its path under Settings')
        const path = await connection.host().pathOfFile(file)
        if (kind === 'image') {
          await useImages().add(path)
          notifyDone(`${file.name} is an image of the workspace now`)
          go('settings')
        } else if (kind === 'run') go('runs', [(await connection.request('runs.unpack', { path })).id])
        else await importTrace(path)
      })
  }
}
