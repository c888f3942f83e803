/** The gallery's experiments, read from the examples: a folder each; and the policies that some of them compare with. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateWorkload } from '../../engine/workload/generators/index.ts'
import { ContractError } from '../contract/contract.ts'
import { galleryChapters, galleryItem, type GalleryItem } from '../contract/gallery.ts'
import { simulatePolicies } from './simulation.ts'
import { examplesFolder } from './threadUrls.ts'

const galleryFolder = () => path.join(fileURLToPath(examplesFolder), 'gallery')

/** All of them, chapter by chapter; none where the examples did not come along. Throws GalleryError, SyntaxError. */
export function readGallery(folder = galleryFolder()): GalleryItem[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const input: unknown = JSON.parse(readFileSync(path.join(folder, name, 'experiment.json'), 'utf8'))
      return galleryItem(name, input, readFileSync(path.join(folder, name, 'page.md'), 'utf8'))
    })
    .sort(
      (a, b) => galleryChapters.indexOf(a.item.chapter) - galleryChapters.indexOf(b.item.chapter) || a.place - b.place,
    )
    .map(({ item }) => item)
}

/** The misses of the policy that a variation names, on its first process and in its frames. Throws ContractError. */
export async function simulateVariation(
  items: readonly GalleryItem[],
  name: string,
  id: string,
): Promise<{ references: number; misses: number; seconds: number }> {
  const variation = items.find((item) => item.name === name)?.variations.find((each) => each.id === id)
  const workload = variation?.file.processes[0]?.workload
  const frames = variation?.file.machine.frames
  if (!variation?.policy || !workload || !('generator' in workload) || typeof frames !== 'number')
    throw new ContractError({
      code: 'no-such-variation',
      message: `the gallery has no simulated variation "${id}" of "${name}"`,
    })
  const begun = performance.now()
  const [stream] = generateWorkload(workload.generator, workload.parameters).processes
  if (!stream) throw new ContractError({ code: 'internal', message: `the workload of ${name} has no process` })
  const [result] = await simulatePolicies(stream, [{ policy: variation.policy, frames: [frames] }], { threads: 1 })
  return { references: stream.referenceCount, misses: result?.misses ?? 0, seconds: (performance.now() - begun) / 1000 }
}
