/**
 * Gathering a pageout cluster: dirty neighbours of a page in its object that may be written along with it. Backward to an
 * alignment boundary first, then forward, then backward again past the boundary while there is room.
 * Source: FreeBSD vm_pageout.c, vm_pageout_cluster().
 */
import type { Kernel } from '../sim/kernel.ts'
import type { ClusterNeighbour, PagerVariant } from '../swap/variant.ts'

export class ClusterGatherer {
  /** The cluster is frames[first .. first + count - 1], by page index. */
  readonly frames = new Int32Array(64)
  first = 0
  readonly #kernel: Kernel
  readonly #mayJoin: (frame: number) => boolean

  readonly #decide: PagerVariant['joinCluster'] | undefined
  readonly #neighbour: ClusterNeighbour = { pageIndex: 0, centre: 0, pages: 0, most: 0, wouldJoin: false }

  /** `mayJoin` is asked about dirty pages that are neither busy nor wired; `decide`, a variant's, has the last word. */
  constructor(kernel: Kernel, mayJoin: (frame: number) => boolean, decide?: PagerVariant['joinCluster']) {
    this.#kernel = kernel
    this.#mayJoin = mayJoin
    this.#decide = decide
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
        const neighbour = back > index ? -1 : this.#join(object, index - back, index, count)
        if (neighbour < 0) canGoBack = false
        else {
          first -= 1
          frames[first] = neighbour
          count += 1
          back += 1
        }
      } while (canGoBack && count < most && (index - (back - 1)) % most !== 0)
      while (count < most && index + forward < pages.objectSize[object]!) {
        const neighbour = this.#join(object, index + forward, index, count)
        if (neighbour < 0) break
        frames[first + count] = neighbour
        count += 1
        forward += 1
      }
    }
    this.first = first
    return count
  }

  /** The page, ready for writing, or -1. */
  #join(object: number, pageIndex: number, centre: number, count: number): number {
    const { pages, mappings, thresholds } = this.#kernel
    const frame = pages.lookup(object, pageIndex)
    if (frame < 0 || pages.isBusy(frame) || pages.wired[frame] !== 0) return -1
    mappings.testDirty(frame)
    if (pages.dirty[frame] === 0) return -1
    let joins = this.#mayJoin(frame)
    if (this.#decide) {
      const neighbour = this.#neighbour
      neighbour.pageIndex = pageIndex
      neighbour.centre = centre
      neighbour.pages = count
      neighbour.most = thresholds.pageoutCluster
      neighbour.wouldJoin = joins
      joins = this.#decide(neighbour)
    }
    if (!joins) return -1
    mappings.removeWrite(frame)
    return frame
  }
}
