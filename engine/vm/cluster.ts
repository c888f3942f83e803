/**
 * Gathering a pageout cluster: dirty neighbours of a page in its object that may be written along with it. Backward to an
 * alignment boundary first, then forward, then backward again past the boundary while there is room.
 * Source: FreeBSD vm_pageout.c, vm_pageout_cluster().
 */
import type { Kernel } from '../sim/kernel.ts'

export class ClusterGatherer {
  /** The cluster is frames[first .. first + count - 1], by page index. */
  readonly frames = new Int32Array(64)
  first = 0
  readonly #kernel: Kernel
  readonly #mayJoin: (frame: number) => boolean

  /** `mayJoin` is asked about dirty pages that are neither busy nor wired, and readies those it lets in for writing. */
  constructor(kernel: Kernel, mayJoin: (frame: number) => boolean) {
    this.#kernel = kernel
    this.#mayJoin = mayJoin
  }

  /** Gathers around a page that is ready for writing; answers how many pages the cluster has. */
  gather(frame: number): number {
    const { pages, thresholds } = this.#kernel
    const most = thresholds.pageoutCluster
    const object = pages.object[frame]!
    const index = pages.pageIndex[frame]!
    const { frames } = this
    let first = most
    let count = 1
    frames[first] = frame
    let back = 1
    let forward = 1
    let canGoBack = true
    while (canGoBack && count < most) {
      do {
        const neighbour = back > index ? -1 : this.#join(object, index - back)
        if (neighbour < 0) canGoBack = false
        else {
          first -= 1
          frames[first] = neighbour
          count += 1
          back += 1
        }
      } while (canGoBack && count < most && (index - (back - 1)) % most !== 0)
      while (count < most && index + forward < pages.objectSize[object]!) {
        const neighbour = this.#join(object, index + forward)
        if (neighbour < 0) break
        frames[first + count] = neighbour
        count += 1
        forward += 1
      }
    }
    this.first = first
    return count
  }

  #join(object: number, pageIndex: number): number {
    const { pages, mappings } = this.#kernel
    const frame = pages.lookup(object, pageIndex)
    if (frame < 0 || pages.isBusy(frame) || pages.wired[frame] !== 0) return -1
    mappings.testDirty(frame)
    return pages.dirty[frame] !== 0 && this.#mayJoin(frame) ? frame : -1
  }
}
