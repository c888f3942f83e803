/**
 * Overlays that outlive their run, because its experiment says `keepOverlays`: in the workspace's folder `overlays`, one for each
 * device that was written, `run-RUN-DEVICE` with its map beside it.
 */
import { existsSync, readdirSync, realpathSync, renameSync } from 'node:fs'
import path from 'node:path'
import { workspacePaths } from '../../db/workspace.ts'
import { Overlay, type OverlayDescription } from '../../engine/disk/overlay.ts'
import { Partition } from '../../engine/disk/partition.ts'
import { RawImage } from '../../engine/disk/rawImage.ts'
import { ContractError } from '../contract/contract.ts'

const MAP = '.map'
const prefixOf = (run: number) => `run-${run}-`

/** Gives the kept overlays of a run that has ended their lasting names. */
export function keepOverlaysOf(overlays: string, transientPrefix: string, run: number): void {
  for (const name of readdirSync(overlays)) {
    if (!name.startsWith(transientPrefix) || !name.endsWith(MAP)) continue
    const kept = prefixOf(run) + name.slice(transientPrefix.length, -MAP.length)
    renameSync(path.join(overlays, name.slice(0, -MAP.length)), path.join(overlays, kept))
    renameSync(path.join(overlays, name), path.join(overlays, kept + MAP))
  }
}

/** The overlays that a run has kept. */
export function keptOverlays(workspace: string, run: number): { file: string; description: OverlayDescription }[] {
  const { overlays } = workspacePaths(workspace)
  return (existsSync(overlays) ? readdirSync(overlays) : [])
    .filter((name) => name.startsWith(prefixOf(run)) && name.endsWith(MAP))
    .sort()
    .map((name) => path.join(overlays, name.slice(0, -MAP.length)))
    .map((file) => ({ file, description: Overlay.describe(file) }))
}

export function removeKeptOverlays(workspace: string, run: number): void {
  for (const { file } of keptOverlays(workspace, run)) Overlay.remove(file)
}

/**
 * Writes what a run has changed into an image. An interrupted one can be done again. `onProgress` gets pages done and all. Throws
 * ContractError `no-overlay`, DiskError `base-changed`, `image-in-use` and what else an image or overlay throws.
 */
export function applyRun(
  workspace: string,
  file: string,
  run: number,
  onProgress: (done: number, total: number) => void,
): { pages: number; overlays: number } {
  const image = realpathSync(file)
  const kept = keptOverlays(workspace, run).filter(({ description }) => isSame(description.base.path, image))
  const waiting = kept.filter(({ description }) => description.state !== 'applied')
  if (waiting.length === 0)
    throw new ContractError({
      code: 'no-overlay',
      message:
        kept.length > 0
          ? `run ${run} has been written into ${file} already`
          : `run ${run} has kept no overlay of ${file}; set "keepOverlays": true in its experiment and run it again`,
      field: 'apply',
    })
  const target = RawImage.open(image, 'write')
  const opened: Overlay[] = []
  try {
    for (const { file: overlay, description } of waiting) {
      const { offsetBytes, lengthBytes } = description.base
      const isWhole = offsetBytes === 0 && lengthBytes === target.sizeBytes
      opened.push(Overlay.open(overlay, isWhole ? target : new Partition(target, offsetBytes, lengthBytes)))
    }
    // all are marked first: after the first has been written the image is no longer what the others were made on
    for (const overlay of opened) overlay.beginApplying(target)
    const total = opened.reduce((sum, overlay) => sum + overlay.pagesStored, 0)
    let pages = 0
    for (const overlay of opened) {
      const before = pages
      pages += overlay.applyTo(target, (done) => onProgress(before + done, total))
    }
    return { pages, overlays: opened.length }
  } finally {
    for (const overlay of opened) overlay.close()
    target.close()
  }
}

function isSame(base: string, image: string): boolean {
  try {
    return realpathSync(base) === image
  } catch {
    return false
  }
}
