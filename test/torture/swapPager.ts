/**
 * Torture of the swap pager: random operations on the engine's own SwapPager and VmPages, and after each of them a check of
 * everything that must hold.
 *
 * The host here is the rest of a kernel in miniature. Contents are one number a page (a *version*, new with every write). Requests
 * complete at once or wait in a queue, in order or in any; reads and writes fail, buffers and metadata nodes run out, devices
 * disappear. Several pageouts, reads and swapoffs are on their way at a time, each carried on at random. What the host does around the
 * pager is what the kernel's callers do: it waits for busy pages, never frees a dirty one, dirties a page whose block it takes away.
 *
 * A *book* is kept for each object: the version every page must have (`truth`), and the one its swap block must hold (`stored`). The
 * books know nothing of blocks; which block holds what is learnt only from requests. The losses that the pager's known defects cause
 * (blocks lost by a failed reserve, write tokens gained by failed synchronous pageouts, pages stuck busy after a read error) are predicted one
 * by one: any other is a violation.
 *
 * A run is cut into episodes, each a fresh machine with its own habits. An episode is a seed and a list of operation seeds; an operation is
 * chosen by its own seed and the state it finds, so operations can be left out: that is how a failing list is made short.
 */
import { Columns } from '../../engine/sim/columns.ts'
import { KernelStop } from '../../engine/sim/kernelStop.ts'
import type { BlockList } from '../../engine/swap/blockList.ts'
import { swapDefectNames } from '../../engine/swap/defects.ts'
import { CLOSING, DeviceKind, LABEL_PAGES } from '../../engine/swap/devices.ts'
import { META_PAGES, NO_BLOCK } from '../../engine/swap/metadata.ts'
import { Errno, PagerResult, SwapPager, Wait, type SwapPagerHost, type SwapoffWait } from '../../engine/swap/pager.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PageFlag, Queue, QUEUES, VmPages } from '../../engine/vm/pages.ts'
import { derivedSeed, Random } from './random.ts'

/** Operations of an episode. */
const EPISODE = 5000
const MAX_OBJECTS = 24
const MAX_PAGES = 160
const MAX_SLOTS = 6
const USERS = 4

/** What a page's block must hold: none, or a version, or what nobody knows (a failed write, a reserved block). */
const NONE = 0
const UNKNOWN = -1
/** What free blocks are filled with. */
const POISON = -2

/** Why a page may be exclusively busy without being read: a swapoff has it, or a read error left it so for ever. */
const BusyReason = { none: 0, swapoff: 1, stuck: 2 } as const

/** Something that must hold does not. */
export class TortureViolation extends Error {
  override readonly name = 'TortureViolation'
}

export interface TortureResult {
  operations: number
  episodes: number
  /** One text a failed episode: what was violated, the seed, and the shortest list of operations found that does it. */
  violations: string[]
  /** Ends of episodes by a panic or livelock that was foreseen, by routine. */
  stops: Record<string, number>
  /** How often each operation was performed. */
  performed: Record<string, number>
  /** Things that happened, by name: I/O errors, leaked blocks, swapoffs that finished and so on. */
  happened: Record<string, number>
}

/** Performs `operations` operations. Deterministic in `seed`. */
export function torture(seed: number, operations: number, isShrinking = true): TortureResult {
  const result: TortureResult = { operations: 0, episodes: 0, violations: [], stops: {}, performed: {}, happened: {} }
  while (result.operations < operations) {
    const episode = derivedSeed(seed, result.episodes)
    const seeds = operationSeeds(episode, Math.min(EPISODE, operations - result.operations))
    const outcome = runEpisode(episode, seeds)
    result.episodes += 1
    result.operations += outcome.operations
    addCounts(result.performed, outcome.performed)
    addCounts(result.happened, outcome.happened)
    if (outcome.stop !== undefined) addCounts(result.stops, { [outcome.stop]: 1 })
    if (outcome.violation !== undefined)
      result.violations.push(
        isShrinking && result.violations.length === 0
          ? describeFailure(episode, seeds.slice(0, outcome.operations), outcome.violation)
          : outcome.violation,
      )
  }
  return result
}

function addCounts(sum: Record<string, number>, more: Record<string, number>): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count
}

export function operationSeeds(episode: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => derivedSeed(episode ^ 0x1234567, index))
}

export interface EpisodeOutcome {
  /** Operations performed, the one that ended the episode included. */
  operations: number
  violation?: string
  /** Routine of a foreseen panic or livelock. */
  stop?: string
  performed: Record<string, number>
  happened: Record<string, number>
}

/** Performs a list of operations on a fresh machine. `log` is given a line for each. */
export function runEpisode(episode: number, seeds: readonly number[], log?: (line: string) => void): EpisodeOutcome {
  const rig = new Rig(episode, log)
  const outcome: EpisodeOutcome = { operations: 0, performed: rig.performed, happened: rig.happened }
  try {
    for (const seed of seeds) {
      outcome.operations += 1
      rig.perform(seed)
      rig.check()
    }
    rig.windUp()
    rig.countTraffic()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof KernelStop && rig.foresees(error)) outcome.stop = error.routine
    else outcome.violation = error instanceof TortureViolation ? error.message : (error.stack ?? error.message)
  }
  return outcome
}

/** The violation, with the shortest failing list of operations that a few hundred attempts find. */
function describeFailure(episode: number, seeds: number[], violation: string): string {
  const short = shrink(seeds, (list) => runEpisode(episode, list).violation !== undefined, 300)
  const lines: string[] = []
  const outcome = runEpisode(episode, short, (line) => lines.push(line))
  const shown = lines.length > 60 ? ['...', ...lines.slice(-60)] : lines
  return [
    `episode ${episode}, operation ${seeds.length}: ${violation}`,
    `shortened to ${short.length} operations: ${outcome.violation ?? 'nothing'}`,
    ...shown,
    `runEpisode(${episode}, ${JSON.stringify(short.length > 200 ? short.slice(0, 200) : short)})`,
  ].join('\n')
}

/** Leaves out operations, halves first and single ones last, as long as the rest still fails. */
function shrink(seeds: number[], fails: (list: number[]) => boolean, attempts: number): number[] {
  let list = seeds
  for (let size = list.length >> 1; size >= 1 && attempts > 0; size >>= 1)
    for (let from = 0; from < list.length && attempts > 0; attempts--) {
      const rest = [...list.slice(0, from), ...list.slice(from + size)]
      if (fails(rest)) list = rest
      else from += size
    }
  return list
}

/** What is known about an object. Pages are numbered from `base`. */
interface Book {
  object: number
  base: number
  count: number
  truth: Int32Array
  stored: Int32Array
  handle: number
  user: number
  bytes: number
  writeCount: number
  isDying: boolean
}

interface Put {
  operation: number
  book: Book
  frames: Int32Array
  sync: boolean
  isDaemon: boolean
  /** Frames whose request reached the device, or is known not to. */
  settled: Set<number>
  /** Clusters that got no blocks so far. */
  failures: number
}

interface Get {
  book: Book
  frames: Int32Array
  count: number
}

interface Swapoff {
  slot: number
  steps: Generator<SwapoffWait, number, void>
  waits: SwapoffWait | null
  pass: number
}

/** Habits of one episode's machine. */
interface Habits {
  frames: number
  objects: number
  devicePages: [number, number]
  atOnce: number
  isInOrder: boolean
  readErrors: number
  writeErrors: number
  metadataFailures: number
  isMemoryShort: boolean
  swapoffs: number
  doesOrphan: boolean
  isZoneSmall: boolean
  weights: number[]
}

/** Operations and how often each is chosen, before the episode's habits. */
const operationWeights = {
  create: 14,
  destroy: 9,
  write: 130,
  freeClean: 70,
  discard: 20,
  put: 90,
  continuePut: 90,
  get: 130,
  complete: 120,
  reserve: 6,
  copy: 4,
  split: 4,
  collapse: 4,
  look: 20,
  writeCount: 2,
  asyncMax: 3,
  injectBuffers: 2,
  injectMetadata: 2,
  swapon: 8,
  swapoff: 3,
  stepSwapoff: 90,
  orphan: 0.3,
  freeStuck: 3,
  queue: 4,
  makeInvalid: 3,
  markSplit: 1,
} as const
type OperationName = keyof typeof operationWeights
const operationNames = Object.keys(operationWeights) as OperationName[]

class Rig implements SwapPagerHost {
  readonly performed: Record<string, number> = {}
  readonly happened: Record<string, number> = {}
  readonly #columns = new Columns()
  readonly #pages: VmPages
  readonly #pager: SwapPager
  readonly #habits: Habits
  readonly #clusterMax: number
  readonly #weightSum: number
  readonly #log: ((line: string) => void) | undefined
  #random: Random
  readonly #books: (Book | undefined)[] = []
  #bookList: Book[] = []
  /** Version in each frame. */
  readonly #frameVersion: Int32Array
  readonly #busyReason: Uint8Array
  /** By slot: what the device's blocks hold, whether it has gone, free blocks that it took along. */
  readonly #blocks: Int32Array[] = []
  readonly #isOrphaned: boolean[] = []
  readonly #orphanedFree: number[] = []
  #flight: number[] = []
  #errno = new Map<number, number>()
  #puts: Put[] = []
  #gets: Get[] = []
  #swapoffs: Swapoff[] = []
  /** All known defects of the source are repaired: nothing is lost then, and nothing never ends. */
  readonly #isRepaired: boolean
  /** Global blocks that a failed reserve lost. */
  #leaked = new Set<number>()
  /** Write tokens that failed synchronous pageouts gave back without having taken them. */
  #leakedTokens = 0
  #asyncMaxWanted = 0
  #version = 0
  #isDaemon = false
  #mayRefuseMetadata = false
  #isForeseen: ((stop: KernelStop) => boolean) | null = null
  #nextUnit = 0
  /** The pageout that is being carried on. */
  #current: Put | null = null
  /** Requests that reached a device. */
  #started = 0
  #isStepping = false
  /** Grows with everything that is done: an operation that leaves it alone found nothing to do. */
  #deeds = 0
  #didSwapoffFail = false

  // scratch of check()
  readonly #stamp: Int32Array[] = []
  #generation = 0
  readonly #blockAt = new Float64Array(MAX_PAGES)
  readonly #frameAt = new Int32Array(MAX_PAGES)
  readonly #ownedBySlot = new Float64Array(16)
  readonly #paging = new Int32Array(64)

  constructor(seed: number, log?: (line: string) => void) {
    const random = new Random(seed)
    this.#random = random
    this.#log = log
    const isZoneSmall = random.chance(0.15)
    const habits: Habits = {
      frames: random.pick([70, 128, 256, 400]),
      objects: random.pick([2, 4, 8, 12]),
      devicePages: random.pick([
        [3, 40],
        [20, 60],
        [20, 120],
        [70, 200],
        [150, 400],
      ]),
      atOnce: random.pick([0, 0.3, 0.9]),
      isInOrder: random.chance(0.4),
      readErrors: random.pick([0, 0, 0.02, 0.15]),
      writeErrors: random.pick([0, 0, 0.02, 0.2]),
      metadataFailures: random.pick([0, 0, 1, 5]),
      isMemoryShort: random.chance(0.3),
      swapoffs: random.chance(0.25) ? 2 : 1,
      doesOrphan: random.chance(0.15),
      isZoneSmall,
      weights: operationNames.map((name) => operationWeights[name] * random.pick([0.5, 1, 1, 2])),
    }
    this.#habits = habits
    const weightOf = (name: OperationName, factor: number) => (habits.weights[operationNames.indexOf(name)]! *= factor)
    weightOf('injectMetadata', habits.metadataFailures)
    weightOf('orphan', habits.doesOrphan ? 1 : 0)
    this.#weightSum = habits.weights.reduce((sum, weight) => sum + weight, 0)
    const lowWater = random.pick([4, 16, 40])
    this.#clusterMax = random.pick([32, 32, 16, 5])
    this.#isRepaired = random.chance(0.5)
    this.#pages = new VmPages(this.#columns, habits.frames)
    this.#pager = new SwapPager(this.#columns, this.#pages, this, {
      pageCount: habits.frames,
      maxZoneBytes: 0,
      bufferCount: 32,
      asyncMax: random.between(1, 8),
      clusterMax: this.#clusterMax,
      lowWater,
      highWater: lowWater * 3,
      writeBuffers: random.pick([Infinity, Infinity, 2, 8]),
      metadataNodes: isZoneSmall ? random.between(8, 24) : Infinity,
      repaired: this.#isRepaired ? swapDefectNames : [],
    })
    this.#pager.reservation.overcommit = random.below(8)
    this.#frameVersion = new Int32Array(habits.frames)
    this.#busyReason = new Uint8Array(habits.frames)
    for (let i = random.between(0, 3); i > 0; i--) this.#swapon()
  }

  /** Whether the kernel would have stopped there too, and the operation under way knew. */
  foresees(stop: KernelStop): boolean {
    if (this.#isForeseen?.(stop) === true) return true
    if (this.#isRepaired || stop.kind !== 'livelock' || stop.routine !== 'swp_pager_getswapspace') return false
    // rightly so only where the search began at the first device and no device has room
    const { devices } = this.#pager
    const least = Number(/no run of (\d+) blocks/.exec(stop.message)?.[1])
    if (devices.headSlot < 0 || devices.headSlot !== devices.firstSlot) return false
    for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!) {
      if ((devices.flags[slot]! & CLOSING) !== 0) continue
      for (const [, length] of devices.lists[slot]!.freeRanges()) if (length >= least) return false
    }
    return true
  }

  // ---- what the pager asks of the kernel -------------------------------------------------------------------

  allocatePage(object: number, pageIndex: number): number {
    if (this.#habits.isMemoryShort && this.#random.chance(0.05)) return -1
    const frame = this.#pages.allocate(object, pageIndex)
    if (frame >= 0) {
      this.#frameVersion[frame] = POISON
      this.#busyReason[frame] = BusyReason.none
    }
    return frame
  }
  freePages(): number {
    return this.#pages.freeCount
  }
  isPageDaemon(): boolean {
    return this.#isDaemon
  }
  outOfMemory(): void {
    this.#count('outOfMemory')
  }
  waitForMetadata(): boolean {
    // a pageout may be left where it stands; the others cannot be
    return !this.#mayRefuseMetadata || (!this.#habits.isZoneSmall && this.#random.chance(0.5))
  }
  wakePage(): void {}
  wakeAsyncToken(): void {}
  wakeBusy(frame: number): void {
    this.#pages.wanted[frame] = 0
  }
  blocksFreed(block: number, count: number): void {
    const { devices } = this.#pager
    const slot = devices.slotOfBlock(block)
    const first = block - devices.firstBlock[slot]!
    this.#blocks[slot]!.fill(POISON, first, first + count)
  }
  deviceChanged(): void {}
  message(id: string): void {
    this.#count(id)
  }
  totalSwap(): number {
    return this.#pager.devices.total
  }
  nonWiredPages(): number {
    return this.#habits.frames
  }
  swapLimit(): number {
    return 300
  }
  mayExceedQuota(): boolean {
    return false
  }
  mayExceedLimit(): boolean {
    return false
  }
  currentUser(): number {
    return 0
  }
  reservationFailed(): void {
    this.#count('reservationFailed')
  }

  startRequest(buffer: number): void {
    const { bufferIsWrite, bufferSlot, bufferPages, bufferFrames } = this.#pager
    const slot = bufferSlot[buffer]!
    const isWrite = bufferIsWrite[buffer] !== 0
    const random = this.#random
    let errno = 0
    this.#started += 1
    if (this.#isOrphaned[slot] === true) errno = Errno.ENXIO
    else if (random.chance(isWrite ? this.#habits.writeErrors : this.#habits.readErrors))
      errno = random.pick([Errno.EIO, Errno.EIO, Errno.ENOMEM])
    if (isWrite)
      for (let i = 0; i < bufferPages[buffer]!; i++) {
        const frame = bufferFrames[buffer * 64 + i]!
        if (this.#pages.dirty[frame] !== ALL_SECTORS || this.#pages.sharedBusy[frame] === 0)
          this.#fail(`frame ${frame} is written out, but it is not dirty and shared busy`)
        this.#current?.settled.add(frame)
      }
    this.#errno.set(buffer, errno)
    if (random.chance(this.#habits.atOnce)) this.#finish(buffer)
    else this.#flight.push(buffer)
  }

  #finish(buffer: number): void {
    const pager = this.#pager
    const pages = this.#pages
    const errno = this.#errno.get(buffer)!
    const isWrite = pager.bufferIsWrite[buffer] !== 0
    const count = pager.bufferPages[buffer]!
    const slot = pager.bufferSlot[buffer]!
    const first = pager.bufferBlock[buffer]! - pager.devices.firstBlock[slot]!
    const blocks = this.#blocks[slot]!
    const behind = pager.bufferBehind[buffer]!
    const ahead = pager.bufferAhead[buffer]!
    const frames = pager.bufferFrames.slice(buffer * 64, buffer * 64 + count)
    if (errno !== 0) {
      this.#count(isWrite ? 'writeErrors' : 'readErrors')
      if (!isWrite) this.#noteSwapoffRead(frames)
    }
    for (let i = 0; i < count; i++) {
      const frame = frames[i]!
      const book = this.#books[pages.object[frame]!]!
      const page = pages.pageIndex[frame]! - book.base
      if (isWrite) {
        if (errno === 0) blocks[first + i] = this.#frameVersion[frame]!
        book.stored[page] = errno === 0 ? this.#frameVersion[frame]! : UNKNOWN
      } else if (errno === 0) this.#readPage(book, page, frame, blocks[first + i]!)
      else if (i < behind || i >= count - ahead) this.#expectStuck(frame)
    }
    this.#errno.delete(buffer)
    pager.requestDone(buffer, errno)
    for (let i = 0; i < count; i++) {
      const frame = frames[i]!
      const valid = isWrite || errno === 0 ? ALL_SECTORS : 0
      const dirty = isWrite && errno !== 0 ? ALL_SECTORS : 0
      if (pages.valid[frame] !== valid || pages.dirty[frame] !== dirty)
        this.#fail(
          `after a ${isWrite ? 'write' : 'read'} that ended with ${errno}, frame ${frame} is valid ${pages.valid[frame]!}, dirty ${pages.dirty[frame]!}`,
        )
    }
  }

  /** A swapoff whose read fails is the end of the kernel. */
  #noteSwapoffRead(frames: Int32Array): void {
    if (this.#isStepping || this.#swapoffs.some(({ waits }) => waits?.on === 'read' && frames.includes(waits.frame)))
      this.#didSwapoffFail = true
  }

  #readPage(book: Book, page: number, frame: number, content: number): void {
    const truth = book.truth[page]!
    if (truth === NONE) {
      // a block that was reserved and never written: what is in it becomes the page's
      book.truth[page] = content
      book.stored[page] = content
    } else if (content !== truth)
      this.#fail(
        `page ${page} of object ${book.object} came in as version ${content}, not ${truth} (stored ${book.stored[page]!})`,
      )
    this.#frameVersion[frame] = content
  }

  // ---- operations ------------------------------------------------------------------------------------------

  /** One operation: which, and how, is decided by its seed and by what it finds. */
  perform(seed: number): void {
    this.#random = new Random(seed)
    this.#isForeseen = null
    const { weights } = this.#habits
    const deeds = this.#deeds
    for (let attempt = 0; this.#deeds === deeds && attempt < 8; attempt++) {
      let at = (this.#random.next() / 0x1_0000_0000) * this.#weightSum
      let chosen = 0
      while (chosen < weights.length - 1 && (at -= weights[chosen]!) >= 0) chosen += 1
      const name = operationNames[chosen]!
      this.#operations[name]()
      if (this.#deeds !== deeds) this.performed[name] = (this.performed[name] ?? 0) + 1
    }
    this.#endGets()
    this.#endDying()
  }

  readonly #operations: Record<OperationName, () => void> = {
    create: () => this.#create(),
    destroy: () => this.#destroy(),
    write: () => this.#write(),
    freeClean: () => this.#freeClean(),
    discard: () => this.#discard(),
    put: () => this.#put(),
    continuePut: () => this.#continuePut(),
    get: () => this.#get(),
    complete: () => this.#complete(),
    reserve: () => this.#reserve(),
    copy: () => this.#copy(),
    split: () => this.#split(),
    collapse: () => this.#collapse(),
    look: () => this.#look(),
    writeCount: () => this.#writeCount(),
    asyncMax: () => this.#asyncMax(),
    injectBuffers: () => this.#inject(true),
    injectMetadata: () => this.#inject(false),
    swapon: () => this.#swapon(),
    swapoff: () => this.#swapoff(),
    stepSwapoff: () => this.#stepSwapoff(),
    orphan: () => this.#orphan(),
    freeStuck: () => this.#freeStuck(),
    queue: () => this.#queue(),
    makeInvalid: () => this.#makeInvalid(),
    markSplit: () => this.#markSplit(),
  }

  /** Notes that the operation under way did something, and what. */
  #say(line: () => string): void {
    this.#deeds += 1
    this.#log?.(line())
  }

  #book(): Book | undefined {
    const book = this.#bookList.length === 0 ? undefined : this.#random.pick(this.#bookList)
    return book?.isDying === true ? undefined : book
  }

  #range(book: Book, usual = 40): [from: number, count: number] {
    const from = this.#random.below(book.count)
    const most = this.#random.chance(0.1) ? book.count : usual
    return [from, this.#random.between(1, Math.min(most, book.count - from))]
  }

  #frame(book: Book, page: number): number {
    return this.#pages.lookup(book.object, book.base + page)
  }

  /** The pages of a range up to the first that is busy. */
  #withoutBusy(book: Book, from: number, count: number): number {
    for (let i = 0; i < count; i++) {
      const frame = this.#frame(book, from + i)
      if (frame >= 0 && this.#pages.isBusy(frame)) return i
    }
    return count
  }

  #create(): void {
    const random = this.#random
    if (this.#bookList.length >= this.#habits.objects) return
    const count = random.between(1, MAX_PAGES)
    const isSwap = random.chance(0.3)
    if (!isSwap) {
      const base = random.pick([0, 0, 0, 5, 0x1_0000_0000 - 3, 2 ** 40 + 7])
      this.#openBook(this.#makeDefault(base + count), base, count)
      return
    }
    const handle = random.chance(0.5) ? random.below(3) : -1
    const user = random.chance(0.5) ? random.below(USERS) : -1
    const object = this.#pager.createObject(handle, count * 4096 - random.below(4096), 0, user)
    const known = object < 0 ? undefined : this.#books[object]
    if (known === undefined && object >= 0) {
      const book = this.#openBook(object, 0, count)
      book.handle = handle
      book.user = user
      book.bytes = user < 0 ? 0 : this.#pages.charge[object]!
    } else if (known !== undefined && known.handle !== handle)
      this.#fail(`handle ${handle} found object ${object} of handle ${known.handle}`)
    this.#say(() => `create swap object ${object} of ${count} pages, handle ${handle}, user ${user}`)
  }

  #makeDefault(size: number): number {
    const object = this.#pages.createObject(ObjectType.default, size)
    this.#pages.objectFlags[object] = ObjectFlag.anonymous
    return object
  }

  #openBook(object: number, base: number, count: number): Book {
    const book: Book = {
      object,
      base,
      count,
      truth: new Int32Array(count),
      stored: new Int32Array(count),
      handle: -1,
      user: -1,
      bytes: 0,
      writeCount: 0,
      isDying: false,
    }
    this.#books[object] = book
    this.#bookList.push(book)
    this.#say(() => `object ${object}: ${count} pages from ${base}`)
    return book
  }

  #destroy(): void {
    const book = this.#book()
    if (book === undefined) return
    const pages = this.#pages
    pages.references[book.object]! -= 1
    this.#say(() => `a reference of object ${book.object} ends`)
    if (pages.references[book.object]! > 0) return
    pages.objectFlags[book.object]! |= ObjectFlag.dead
    book.isDying = true
  }

  /** Ends the dead objects on which nothing is under way any longer. */
  #endDying(): void {
    for (const book of [...this.#bookList]) {
      if (!book.isDying || this.#pages.pagingInProgress[book.object] !== 0) continue
      if (this.#gets.some((get) => get.book === book) || this.#puts.some((put) => put.book === book)) continue
      this.#freeResident(book)
      if (this.#pages.objectType[book.object] === ObjectType.swap) this.#pager.destroyObject(book.object)
      this.#closeBook(book)
    }
  }

  #freeResident(book: Book): void {
    const pages = this.#pages
    while (pages.firstPage[book.object]! >= 0) {
      const frame = pages.firstPage[book.object]!
      pages.flags[frame]! &= ~PageFlag.swapFree
      this.#busyReason[frame] = BusyReason.none
      pages.free(frame)
    }
  }

  #closeBook(book: Book): void {
    this.#say(() => `object ${book.object} is gone`)
    if (book.user >= 0) this.#pager.reservation.release(book.bytes, book.user)
    this.#pages.destroyObject(book.object)
    this.#books[book.object] = undefined
    this.#bookList.splice(this.#bookList.indexOf(book), 1)
  }

  #write(): void {
    const book = this.#book()
    if (book === undefined) return
    const [from, count] = this.#range(book, 10)
    const isLocked = this.#random.chance(0.6)
    this.#say(() => `write pages ${from}+${count} of object ${book.object}${isLocked ? '' : ', object not locked'}`)
    for (let page = from; page < from + count; page++) if (!this.#writePage(book, page, isLocked)) return
  }

  #writePage(book: Book, page: number, mayBeLocked: boolean): boolean {
    const pages = this.#pages
    let frame = this.#frame(book, page)
    // only a resident, valid page can be written to without the object's lock
    const isLocked = mayBeLocked || frame < 0 || pages.valid[frame] !== ALL_SECTORS
    if (frame < 0) {
      frame = this.allocatePage(book.object, book.base + page)
      if (frame < 0) return false
      pages.exclusiveBusy[frame] = 0
      pages.activate(frame)
    } else if (pages.isBusy(frame)) return true
    this.#version += 1
    pages.valid[frame] = ALL_SECTORS
    pages.dirty[frame] = ALL_SECTORS
    this.#frameVersion[frame] = this.#version
    book.truth[page] = this.#version
    if (pages.objectType[book.object] === ObjectType.swap) {
      this.#pager.unswapped(frame, isLocked)
      if (isLocked) book.stored[page] = NONE
    }
    return true
  }

  #freeClean(): void {
    const book = this.#book()
    if (book === undefined) return
    const pages = this.#pages
    const deeds = this.#deeds
    const [from, count] = this.#range(book, 80)
    for (let page = from; page < from + count; page++) {
      const frame = this.#frame(book, page)
      if (frame < 0 || pages.isBusy(frame) || pages.dirty[frame] !== 0) continue
      if (this.#deeds === deeds) this.#say(() => `free clean pages of ${from}+${count} of object ${book.object}`)
      pages.free(frame)
    }
  }

  /** The range is unmapped for good: pages and swap go. */
  #discard(): void {
    const book = this.#book()
    if (book === undefined) return
    const [from, wanted] = this.#range(book)
    const count = this.#withoutBusy(book, from, wanted)
    this.#say(() => `discard pages ${from}+${count} of object ${book.object}`)
    for (let page = from; page < from + count; page++) {
      const frame = this.#frame(book, page)
      if (frame >= 0) this.#pages.free(frame)
    }
    this.#pager.freeSpace(book.object, book.base + from, count)
    book.truth.fill(NONE, from, from + count)
    book.stored.fill(NONE, from, from + count)
  }

  // ---- pageout ---------------------------------------------------------------------------------------------

  #put(): void {
    const book = this.#book()
    if (book === undefined || this.#puts.length >= 5) return
    const random = this.#random
    const pages = this.#pages
    const most = random.chance(0.2) ? random.between(33, 70) : random.between(1, 32)
    const frames: number[] = []
    for (let page = random.below(book.count); page < book.count && frames.length < most; page++) {
      const frame = this.#frame(book, page)
      if (frame < 0 || pages.isBusy(frame) || pages.dirty[frame] !== ALL_SECTORS || random.chance(0.03)) continue
      frames.push(frame)
    }
    if (frames.length === 0) return
    for (const frame of frames) pages.sharedBusy[frame] = 1
    pages.pagingInProgress[book.object]! += frames.length
    const sync = random.chance(0.4)
    const isDaemon = random.chance(0.7)
    const list = Int32Array.from([-1, ...frames])
    this.#isDaemon = isDaemon
    const operation = this.#pager.beginPutPages(book.object, list, 1, frames.length, sync)
    this.#say(
      () =>
        `put ${operation}: ${frames.length} pages of object ${book.object} from ${pages.pageIndex[frames[0]!]! - book.base}${sync ? ', sync' : ''}${isDaemon ? ', daemon' : ''}`,
    )
    const put: Put = { operation, book, frames: list.subarray(1), sync, isDaemon, settled: new Set(), failures: 0 }
    this.#puts.push(put)
    this.#carryOn(put)
  }

  #continuePut(): void {
    if (this.#puts.length === 0) return
    const put = this.#random.pick(this.#puts)
    this.#say(() => `continue put ${put.operation}`)
    this.#carryOn(put)
  }

  #carryOn(put: Put): void {
    const pager = this.#pager
    if (pager.operationWait[put.operation] === Wait.io && !pager.isWriteDone(put.operation)) return
    this.#isDaemon = put.isDaemon
    this.#mayRefuseMetadata = true
    this.#current = put
    const wait = pager.continuePutPages(put.operation)
    this.#current = null
    this.#mayRefuseMetadata = false
    this.#isDaemon = false
    this.#settle(put)
    if (wait === Wait.none) this.#endPut(put)
  }

  /** Learns what became of pages that the device never heard of: there was no buffer or no device, or there were no blocks. */
  #settle(put: Put): void {
    const pager = this.#pager
    let failures = 0
    let failed = 0
    for (let i = 0; i <= put.frames.length; i++) {
      const frame = put.frames[i] ?? -1
      const result = frame < 0 ? PagerResult.pend : pager.putResult(put.operation, i)
      if (result === PagerResult.fail) {
        failed += 1
        continue
      }
      // a failing run of pages is cut into clusters
      failures += Math.ceil(failed / this.#clusterMax)
      failed = 0
      if (frame < 0 || result !== PagerResult.pend || put.settled.has(frame) || pager.isInProgress(frame)) continue
      put.settled.add(frame)
      put.book.stored[this.#pages.pageIndex[frame]! - put.book.base] = UNKNOWN
      this.#count('writesRefused')
    }
    // each gives back a token, taken or not, unless that is repaired
    if (!this.#isRepaired && (put.sync || !put.isDaemon)) this.#leakedTokens += failures - put.failures
    this.#count('putsWithoutSpace', failures - put.failures)
    put.failures = failures
  }

  #endPut(put: Put): void {
    const pager = this.#pager
    const pages = this.#pages
    for (let i = 0; i < put.frames.length; i++) {
      const frame = put.frames[i]!
      const result = pager.putResult(put.operation, i)
      if (result === PagerResult.fail) {
        pages.pagingInProgress[put.book.object]! -= 1
        pages.sharedBusy[frame] = 0
        if (pages.dirty[frame] !== ALL_SECTORS) this.#fail(`frame ${frame}, which got no block, is clean`)
        pages.unswappable(frame)
      } else if (result !== PagerResult.pend) this.#fail(`page ${i} of a pageout came to ${result}`)
      else if ((put.sync || !put.isDaemon) && pager.isInProgress(frame) && !this.#isAgainOnItsWay(frame, put))
        this.#fail('a synchronous pageout is over, but one of its pages is still on its way')
    }
    pager.endPutPages(put.operation)
    this.#puts.splice(this.#puts.indexOf(put), 1)
  }

  /** A page that was written may have been dirtied, freed or read since, and be on its way once more. */
  #isAgainOnItsWay(frame: number, put: Put): boolean {
    return (
      this.#puts.some((other) => other !== put && other.frames.includes(frame)) ||
      this.#flight.some((buffer) =>
        this.#pager.bufferFrames.subarray(buffer * 64, buffer * 64 + this.#pager.bufferPages[buffer]!).includes(frame),
      )
    )
  }

  // ---- page in ---------------------------------------------------------------------------------------------

  #get(): void {
    const book = this.#book()
    if (book === undefined || this.#gets.length >= 6) return
    const random = this.#random
    const pages = this.#pages
    const pager = this.#pager
    let page = random.below(book.count)
    // seldom a page at random, which may have no block; mostly the next one that is in swap only
    if (random.chance(0.9))
      while (page < book.count - 1 && (book.stored[page] === NONE || this.#frame(book, page) >= 0)) page += 1
    const resident = this.#frame(book, page)
    if (resident >= 0 && (pages.isBusy(resident) || pages.valid[resident] !== 0)) return
    const isSwap = pages.objectType[book.object] === ObjectType.swap
    const found = isSwap && pager.hasPage(book.object, book.base + page)
    if (found !== (book.stored[page] !== NONE)) this.#fail(`page ${page} of object ${book.object}: haspage is wrong`)
    if (!isSwap) return
    let most = found ? Math.min(1 + pager.after, 31) : 1
    if (random.chance(0.7)) most = Math.min(most, random.between(1, 8))
    const frames: number[] = []
    for (; frames.length < most;) {
      const frame = this.#frame(book, page + frames.length)
      if (frame >= 0 && (pages.isBusy(frame) || pages.valid[frame] !== 0)) break
      const taken = frame >= 0 ? frame : this.allocatePage(book.object, book.base + page + frames.length)
      if (taken < 0) break
      pages.exclusiveBusy[taken] = 1
      frames.push(taken)
    }
    if (frames.length === 0) return
    const behind = random.pick([-1, 0, 3, 31])
    const ahead = random.pick([-1, 0, 3, 16, 31])
    const list = Int32Array.from(frames)
    // what the read is about to be, in case it is over before getPages() returns
    const get: Get = { book, frames: list, count: list.length }
    this.#say(() => `get ${list.length} pages of object ${book.object} from ${page}, ${behind} behind, ${ahead} ahead`)
    const started = this.#started
    const result = pager.getPages(book.object, list, list.length, behind, ahead)
    if (result === PagerResult.fail) {
      if (found) this.#fail(`page ${page} of object ${book.object} has a block, but cannot be read`)
      for (const frame of list) pages.free(frame)
      return
    }
    if (!found) this.#fail(`page ${page} of object ${book.object} has no block, but is read`)
    const isAlone = (pages.objectFlags[book.object]! & (ObjectFlag.split | ObjectFlag.dead)) !== 0
    if (isAlone && pager.readBehind + pager.readAhead > 0)
      this.#fail(`object ${book.object} is being split or dead, and is read around`)
    if (pager.readBehind > Math.max(behind, 0) || pager.readAhead > Math.max(ahead, 0))
      this.#fail(
        `${pager.readBehind} pages behind and ${pager.readAhead} ahead were read, ${behind} and ${ahead} wanted`,
      )
    if (this.#started === started) this.#noteRefusedRead()
    this.#gets.push(get)
  }

  /** A read of a device that has gone for good: the pages beyond those asked for stay busy. */
  #noteRefusedRead(): void {
    const pager = this.#pager
    const buffer = pager.lastBuffer
    const count = pager.bufferPages[buffer]!
    this.#count('readErrors')
    for (let i = 0; i < count; i++)
      if (i < pager.readBehind || i >= count - pager.readAhead) {
        this.#expectStuck(pager.bufferFrames[buffer * 64 + i]!)
      }
  }

  /** A page that was read along, and whose read failed: it stays busy for ever, or is freed. */
  #expectStuck(frame: number): void {
    if (this.#isRepaired) return
    this.#busyReason[frame] = BusyReason.stuck
    this.#count('pagesStuck')
  }

  /** Ends the reads that are over: the page is released, or after an error freed. */
  #endGets(): void {
    const pages = this.#pages
    for (let i = this.#gets.length - 1; i >= 0; i--) {
      const get = this.#gets[i]!
      if (this.#pager.isInProgress(get.frames[0]!)) continue
      const result = this.#pager.finishGetPages(get.frames, get.count)
      for (const frame of get.frames)
        if (result === PagerResult.ok) {
          pages.exclusiveBusy[frame] = 0
          pages.activate(frame)
        } else pages.free(frame)
      this.#gets.splice(i, 1)
    }
  }

  #complete(): void {
    const random = this.#random
    for (let count = random.pick([1, 1, 2, 5]); count > 0 && this.#flight.length > 0; count--) {
      const [buffer] = this.#flight.splice(this.#habits.isInOrder ? 0 : random.below(this.#flight.length), 1)
      this.#say(() => `complete buffer ${buffer!} with ${this.#errno.get(buffer!)!}`)
      this.#finish(buffer!)
    }
  }

  // ---- blocks that change hands ----------------------------------------------------------------------------

  /** Metadata nodes are scarce, and an operation that cannot wait may need up to `nodes`. */
  #lacksNodes(nodes: number): boolean {
    const { metadata } = this.#pager
    return this.#habits.isZoneSmall && metadata.nodesInUse + nodes + 2 > metadata.nodeLimit
  }

  /** Pages that are resident and lose their block must be written again. */
  #redirty(book: Book, from: number, count: number): void {
    const pages = this.#pages
    for (let page = Math.max(0, from); page < Math.min(book.count, from + count); page++) {
      const frame = this.#frame(book, page)
      if (frame >= 0 && pages.valid[frame] === ALL_SECTORS) pages.dirty[frame] = ALL_SECTORS
    }
  }

  /** Reserving gives every page of a range a fresh block: what was in swap only is given up. */
  #reserve(): void {
    const book = this.#book()
    if (book === undefined || this.#pages.objectType[book.object] !== ObjectType.swap) return
    const [from, wanted] = this.#range(book)
    const count = this.#withoutBusy(book, from, wanted)
    if (count === 0 || this.#lacksNodes((count >> 4) + 2)) return
    const before = Array.from({ length: count }, (_, i) => this.#blockOf(book, from + i))
    this.#say(() => `reserve pages ${from}+${count} of object ${book.object}`)
    const isDone = this.#pager.reserveSpace(book.object, book.base + from, count)
    this.#redirty(book, from, count)
    let reached = count
    if (!isDone) {
      // it reached beyond the last page whose block is not the old one any more
      while (reached > 0 && (before[reached - 1] === NO_BLOCK || this.#blockOf(book, from + reached - 1) !== NO_BLOCK))
        reached -= 1
      if (!this.#isRepaired) this.#expectLeak(before.slice(0, reached))
    }
    for (let page = from; page < from + reached; page++) {
      book.stored[page] = isDone ? UNKNOWN : NONE
      const frame = this.#frame(book, page)
      if (frame < 0 || this.#pages.valid[frame] !== ALL_SECTORS) book.truth[page] = NONE
    }
  }

  /** A failed reserve has given up the run of replaced blocks that it had not yet freed: the last one. */
  #expectLeak(replaced: number[]): void {
    let first = NO_BLOCK
    let count = 0
    for (const block of replaced) {
      if (block === NO_BLOCK) continue
      if (first + count === block && count > 0) count += 1
      else {
        first = block
        count = 1
      }
    }
    for (let i = 0; i < count; i++) this.#leaked.add(first + i)
    if (count > 0) this.#count('blocksLeaked', count)
  }

  #blockOf(book: Book, page: number): number {
    return this.#pager.metadata.lookup(book.object, book.base + page)
  }

  /** Two objects between which blocks may move, and the first page of the source that does. */
  #pair(): [source: Book, destination: Book, offset: number] | undefined {
    const source = this.#book()
    const destination = this.#book()
    if (source === undefined || destination === undefined || source === destination) return undefined
    const pages = this.#pages
    if (pages.pagingInProgress[source.object] !== 0 || this.#hasBusy(source)) return undefined
    if (source.base < destination.base || this.#lacksNodes((destination.count >> 4) + 2)) return undefined
    const skipped = destination.base === 0 && this.#random.chance(0.5) ? this.#random.below(source.count) : 0
    return [source, destination, source.base - destination.base + skipped]
  }

  #hasBusy(book: Book): boolean {
    return this.#withoutBusy(book, 0, book.count) < book.count
  }

  /** swap_pager_copy as it is, with both objects kept. */
  #copy(): void {
    const pair = this.#pair()
    if (pair === undefined) return
    const [source, destination, offset] = pair
    this.#say(() => `copy object ${source.object} to ${destination.object} from ${offset} on`)
    this.#copyBooks(source, destination, offset, this.#pages.objectSize[destination.object]!)
    this.#pager.copy(source.object, destination.object, offset, false)
    this.#redirty(source, 0, source.count)
  }

  /** What the copy must do to the books: the block moves where the destination has none, else it is freed. */
  #copyBooks(source: Book, destination: Book, offset: number, size: number): void {
    const pages = this.#pages
    for (let page = 0; page < source.count; page++) {
      const index = source.base + page - offset
      if (source.stored[page] === NONE || index < 0 || index >= size) continue
      const target = index - destination.base
      const frame = this.#frame(destination, target)
      const isOnItsWay = frame >= 0 && this.#pager.isInProgress(frame)
      if (target < 0 || target >= destination.count)
        this.#fail(`the copy would give object ${destination.object} page ${target}`)
      if (destination.stored[target] === NONE && !isOnItsWay) {
        destination.stored[target] = source.stored[page]!
        if (frame < 0 || pages.valid[frame] !== ALL_SECTORS)
          destination.truth[target] = source.stored[page]! > 0 ? source.stored[page]! : NONE
      }
      source.stored[page] = NONE
      const own = this.#frame(source, page)
      if (own < 0 || pages.valid[own] !== ALL_SECTORS) source.truth[page] = NONE
    }
  }

  /** vm_object_split: a range of pages, resident and swapped, becomes an object of its own. */
  #split(): void {
    const book = this.#book()
    if (book === undefined || this.#bookList.length >= MAX_OBJECTS || this.#lacksNodes((book.count >> 4) + 3)) return
    const [from, count] = this.#range(book)
    const pages = this.#pages
    if (this.#withoutBusy(book, from, count) < count) return
    this.#say(() => `split pages ${from}+${count} off object ${book.object}`)
    const made = this.#openBook(this.#makeDefault(count), 0, count)
    for (let page = 0; page < count; page++) {
      const frame = this.#frame(book, from + page)
      if (frame < 0) continue
      if ((pages.flags[frame]! & PageFlag.swapFree) !== 0) book.stored[from + page] = NONE
      pages.rename(frame, made.object, page)
    }
    if (pages.objectType[book.object] === ObjectType.swap)
      this.#pager.copy(book.object, made.object, book.base + from, false)
    for (let page = 0; page < count; page++) {
      made.truth[page] = book.truth[from + page]!
      made.stored[page] = book.stored[from + page]!
      book.truth[from + page] = NONE
      book.stored[from + page] = NONE
    }
  }

  /** vm_object_collapse: what the destination lacks comes from the source, which then ends. */
  #collapse(): void {
    const pair = this.#pair()
    if (pair === undefined) return
    const [source, destination, offset] = pair
    const pages = this.#pages
    if (pages.references[source.object]! > 1 || source.user >= 0) return
    this.#say(() => `collapse object ${source.object} into ${destination.object} from ${offset} on`)
    const size = pages.objectSize[destination.object]!
    for (let page = 0; page < source.count; page++) {
      const frame = this.#frame(source, page)
      if (frame < 0) continue
      const index = source.base + page - offset
      const target = index - destination.base
      if ((pages.flags[frame]! & PageFlag.swapFree) !== 0) source.stored[page] = NONE
      if (
        pages.valid[frame] === ALL_SECTORS &&
        index >= 0 &&
        index < size &&
        this.#frame(destination, target) < 0 &&
        destination.stored[target] === NONE
      ) {
        pages.rename(frame, destination.object, index)
        destination.truth[target] = source.truth[page]!
      } else {
        pages.free(frame)
        if (index >= 0 && index < size && destination.stored[target] === NONE && this.#frame(destination, target) < 0)
          continue
        this.#pager.freeSpace(source.object, source.base + page, 1)
        source.stored[page] = NONE
      }
    }
    this.#copyBooks(source, destination, offset, size)
    if (pages.objectType[source.object] === ObjectType.swap)
      this.#pager.copy(source.object, destination.object, offset, true)
    this.#closeBook(source)
  }

  // ---- smaller ones ----------------------------------------------------------------------------------------

  /** Questions to the metadata, answered by the books. */
  #look(): void {
    const book = this.#book()
    if (book === undefined || this.#pages.objectType[book.object] !== ObjectType.swap || this.#hasBusy(book)) return
    const pager = this.#pager
    const [from, count] = this.#range(book)
    this.#say(() => `look at pages ${from}+${count} of object ${book.object}`)
    let least = from
    while (least < book.count && book.stored[least] === NONE) least += 1
    const wanted = least < book.count ? book.base + least : this.#pages.objectSize[book.object]!
    const found = pager.findLeast(book.object, book.base + from)
    if (found !== wanted) this.#fail(`the least swapped page from ${from} on is ${found}, not ${wanted}`)
    // blocks in a node that begins before the range are not counted, as in the kernel, unless that is repaired
    let sum = 0
    for (let page = from; page < from + count; page++)
      if (
        book.stored[page] !== NONE &&
        (this.#isRepaired || book.base + page - ((book.base + page) % META_PAGES) >= book.base + from)
      )
        sum += 1
    const counted = pager.countBlocks(book.object, book.base + from, count)
    if (counted !== sum) this.#fail(`pages ${from}+${count} have ${counted} blocks, not ${sum}`)
    const has = pager.hasPage(book.object, book.base + from)
    if (has !== (book.stored[from] !== NONE)) this.#fail(`haspage of ${from} is ${has}`)
    if (!has) return
    const block = this.#blockOf(book, from)
    const reach = (step: number) => {
      let length = 0
      for (let page = from + step; length < 31 && page >= 0 && page < book.count; page += step) {
        if (this.#blockOf(book, page) !== block + (page - from)) break
        length += 1
      }
      return length
    }
    if (pager.before !== reach(-1) || pager.after !== reach(1))
      this.#fail(
        `around ${from} ${pager.before} and ${pager.after} pages continue its block, not ${reach(-1)} and ${reach(1)}`,
      )
  }

  #writeCount(): void {
    const book = this.#book()
    if (book === undefined || this.#pages.objectType[book.object] !== ObjectType.swap) return
    const bytes = this.#random.between(1, 8) * 4096
    this.#say(() => `write count of object ${book.object} changes`)
    if (this.#random.chance(0.5)) {
      this.#pager.updateWriteCount(book.object, 4096, 4096 + bytes)
      book.writeCount += bytes
    } else if (book.writeCount >= bytes) {
      this.#pager.releaseWriteCount(book.object, 0, bytes)
      book.writeCount -= bytes
    }
  }

  #asyncMax(): void {
    const wanted = this.#asyncMaxWanted !== 0 ? this.#asyncMaxWanted : this.#random.between(0, 18)
    const before = this.#pager.asyncMax
    const answer = this.#pager.setAsyncMax(wanted)
    this.#say(() => `async max ${wanted}: ${answer}`)
    if ((answer === Errno.EINVAL) !== (wanted < 1 || wanted > 16))
      this.#fail(`vm.swap_async_max=${wanted} gave ${answer}`)
    const expected = answer === 0 ? wanted : answer === Errno.EINVAL ? before : this.#pager.asyncMax
    if (this.#pager.asyncMax !== expected) this.#fail(`vm.swap_async_max is ${this.#pager.asyncMax}, not ${expected}`)
    this.#asyncMaxWanted = answer === -1 ? wanted : 0
  }

  #inject(isBuffers: boolean): void {
    const count = this.#random.between(1, 4)
    this.#say(() => `the next ${count} ${isBuffers ? 'buffers' : 'metadata nodes'} are not to be had`)
    if (isBuffers) this.#pager.injectBioFailures(count)
    else this.#pager.metadata.injectFailures(count, this.#random.chance(0.5))
  }

  #queue(): void {
    const frame = this.#random.below(this.#habits.frames)
    const pages = this.#pages
    if (pages.object[frame]! < 0 || pages.isBusy(frame)) return
    this.#say(() => `queue frame ${frame}`)
    const random = this.#random
    if (random.chance(0.3)) pages.launder(frame)
    else if (random.chance(0.5)) pages.deactivate(frame)
    else pages.activate(frame)
  }

  /** A page that was allocated and not yet filled. */
  #makeInvalid(): void {
    const book = this.#book()
    if (book === undefined) return
    const page = this.#random.below(book.count)
    if (this.#frame(book, page) >= 0) return
    const frame = this.allocatePage(book.object, book.base + page)
    if (frame < 0) return
    this.#pages.exclusiveBusy[frame] = 0
    this.#say(() => `page ${page} of object ${book.object} is resident, but invalid`)
  }

  #markSplit(): void {
    const book = this.#book()
    if (book === undefined) return
    this.#say(() => `object ${book.object} changes its mark of a split`)
    this.#pages.objectFlags[book.object]! ^= ObjectFlag.split
  }

  /** Pages that a read error left busy stay so until somebody with more sense than the kernel takes them away. */
  #freeStuck(): void {
    const pages = this.#pages
    for (let frame = 0; frame < this.#habits.frames; frame++)
      if (this.#busyReason[frame] === BusyReason.stuck && pages.object[frame]! >= 0 && this.#random.chance(0.5)) {
        this.#say(() => `free stuck frame ${frame}`)
        this.#busyReason[frame] = BusyReason.none
        pages.free(frame)
      }
  }

  // ---- devices ---------------------------------------------------------------------------------------------

  #swapon(): void {
    const { devices } = this.#pager
    if (devices.count >= MAX_SLOTS || (devices.count >= 3 && this.#random.chance(0.7))) return
    const [least, most] = this.#habits.devicePages
    const pages = this.#random.between(least, most)
    const kind = this.#random.chance(0.8) ? DeviceKind.disk : DeviceKind.networkFile
    const unit = this.#nextUnit++
    const errno = this.#pager.swapon(unit, kind, pages * 8 + this.#random.below(8))
    const slot = devices.slotOf(unit)
    this.#say(() => `swapon of ${pages} pages at slot ${slot}: ${errno}`)
    if (errno !== 0 || slot < 0) this.#fail(`swapon gave ${errno}`)
    this.#blocks[slot] = new Int32Array(pages).fill(POISON)
    this.#stamp[slot] = new Int32Array(pages)
    this.#isOrphaned[slot] = false
  }

  #swapoff(): void {
    const { devices } = this.#pager
    if (this.#swapoffs.length >= this.#habits.swapoffs || devices.count === 0) return
    let slot = devices.firstSlot
    for (let steps = this.#random.below(devices.count); steps > 0; steps--) slot = devices.next[slot]!
    if (this.#swapoffs.some((swapoff) => swapoff.slot === slot)) return
    // these end the machine: now and then is enough
    if ((this.#leakedOn(slot) > 0 || this.#isOrphaned[slot] === true) && this.#random.chance(0.9)) return
    this.#say(() => `swapoff of slot ${slot}`)
    this.#swapoffs.push({ slot, steps: this.#pager.swapoff(slot), waits: null, pass: 0 })
    this.#stepSwapoff(true)
  }

  #stepSwapoff(isNew = false): void {
    if (this.#swapoffs.length === 0) return
    const swapoff = isNew ? this.#swapoffs.at(-1)! : this.#random.pick(this.#swapoffs)
    const { waits, slot } = swapoff
    // to look again too early does no harm, but passes are counted
    if (waits?.on === 'pause' && (this.#puts.length > 0 || this.#flight.length > 0) && this.#random.chance(0.9)) return
    const pager = this.#pager
    const { devices } = pager
    if (waits?.on === 'read') this.#busyReason[waits.frame] = BusyReason.none
    const free = this.#pages.freeCount + devices.available
    const others = devices.available - (devices.blocks[slot]! - LABEL_PAGES - devices.used[slot]!)
    const isRefused =
      isNew &&
      (this.#isRepaired
        ? this.#pages.freeCount + others < devices.used[slot]! + devices.lowWater
        : free < devices.blocks[slot]! + devices.lowWater)
    this.#isForeseen = (stop) =>
      (stop.routine === 'swap_pager_swapoff_object' &&
        stop.message.includes('failed: 4') &&
        (this.#didSwapoffFail || devices.present[slot] === 0)) ||
      (stop.routine === 'swap_pager_swapoff' && swapoff.pass >= 100 && devices.used[slot]! > 0)
    this.#isStepping = true
    const step = swapoff.steps.next()
    this.#isStepping = false
    this.#isForeseen = null
    if (step.done !== true) {
      swapoff.waits = step.value
      if (step.value.on === 'pause') swapoff.pass = step.value.pass
      if (step.value.on === 'read') this.#busyReason[step.value.frame] = BusyReason.swapoff
      this.#say(() => `swapoff of slot ${slot} waits: ${JSON.stringify(step.value)}`)
      // dirtying gave blocks back
      this.#learnFreed()
      return
    }
    this.#say(() => `swapoff of slot ${slot} ended: ${step.value}`)
    if (step.value !== (isRefused ? Errno.ENOMEM : 0)) this.#fail(`swapoff answered ${step.value}`)
    this.#swapoffs.splice(this.#swapoffs.indexOf(swapoff), 1)
    if (step.value !== 0) return
    this.#count('swapoffs')
    this.#learnFreed()
    if (this.#leakedOn(slot) > 0) this.#fail('a device with lost blocks was swapped off')
    this.#blocks[slot] = new Int32Array(0)
  }

  /** Swapoff dirtied resident pages and freed their blocks: those of valid, dirty pages that have none any more. */
  #learnFreed(): void {
    const pages = this.#pages
    for (const book of this.#bookList)
      for (let page = 0; page < book.count; page++) {
        if (book.stored[page] === NONE) continue
        const frame = this.#frame(book, page)
        if (frame < 0 || pages.dirty[frame] !== ALL_SECTORS || this.#pager.isInProgress(frame)) continue
        if (this.#blockOf(book, page) === NO_BLOCK) book.stored[page] = NONE
      }
  }

  #leakedOn(slot: number): number {
    let sum = 0
    for (const block of this.#leaked) if (this.#pager.devices.isOnDevice(block, slot)) sum += 1
    return sum
  }

  /** The disk behind a device is pulled out. */
  #orphan(): void {
    const { devices } = this.#pager
    if (devices.count === 0) return
    let slot = devices.firstSlot
    for (let steps = this.#random.below(devices.count); steps > 0; steps--) slot = devices.next[slot]!
    if (devices.kind[slot] !== DeviceKind.disk || this.#isOrphaned[slot] === true) return
    if (this.#swapoffs.some((swapoff) => swapoff.slot === slot) && this.#random.chance(0.8)) return
    this.#say(() => `orphan slot ${slot}`)
    this.#count('orphans')
    this.#isOrphaned[slot] = true
    this.#orphanedFree[slot] = this.#isRepaired ? 0 : devices.lists[slot]!.available
    devices.orphan(slot)
  }

  /** Notes what the pager moved, to show that the operations found something to do. */
  countTraffic(): void {
    this.#count('pagesIn', this.#pager.pagesIn)
    this.#count('pagesOut', this.#pager.pagesOut)
    this.#count('freesDeferred', this.#pager.freeDeferred)
    this.#count('bufferWaits', this.#pager.bufferWaits)
  }

  // ---- the checks ------------------------------------------------------------------------------------------

  #count(what: string, by = 1): void {
    this.happened[what] = (this.happened[what] ?? 0) + by
  }

  #fail(what: string): never {
    throw new TortureViolation(what)
  }

  /** Everything that must hold between two operations. */
  check(): void {
    this.#generation += 1
    this.#ownedBySlot.fill(0)
    this.#paging.fill(0)
    this.#checkRequests()
    let pageCount = 0
    let nodes = 0
    let objects = 0
    let charged = 0
    for (let object = this.#pages.firstObject; object >= 0; object = this.#pages.objectNext[object]!) {
      const book = this.#books[object]
      if (book === undefined) this.#fail(`object ${object} should not be there`)
      objects += 1
      pageCount += this.#pages.residentPages[object]!
      nodes += this.#checkObject(book)
      charged += Math.floor(book.bytes / 4096)
    }
    if (objects !== this.#bookList.length) this.#fail(`there are ${objects} objects, not ${this.#bookList.length}`)
    const pager = this.#pager
    if (nodes !== pager.metadata.nodesInUse)
      this.#fail(`${pager.metadata.nodesInUse} metadata nodes are in use, ${nodes} are found`)
    if (pager.reservation.reserved !== charged)
      this.#fail(`${pager.reservation.reserved} pages are reserved, not ${charged}`)
    if (pageCount + this.#pages.freeCount !== this.#habits.frames)
      this.#fail(`${pageCount} frames in objects and ${this.#pages.freeCount} free are not all`)
    let tokens = 0
    for (const buffer of this.#flight) tokens += pager.bufferIsWrite[buffer]! & pager.bufferIsAsync[buffer]!
    tokens += this.#checkOperations()
    if (pager.asyncMax - pager.asyncFree !== tokens - this.#leakedTokens)
      this.#fail(
        `of ${pager.asyncMax} write tokens ${pager.asyncFree} are free, ${tokens} taken and ${this.#leakedTokens} gained by failures`,
      )
    for (const block of this.#leaked) this.#own(block, 'a lost block')
    this.#checkDevices()
    this.#checkQueues()
  }

  /** Notes that a block belongs to something; once. */
  #own(block: number, what: string): void {
    const { devices } = this.#pager
    const slot = devices.slotOfBlock(block)
    if (slot < 0) this.#fail(`${what}: block ${block} is on no device`)
    const local = block - devices.firstBlock[slot]!
    if (local < LABEL_PAGES) this.#fail(`${what}: block ${block} is in the label of slot ${slot}`)
    const stamp = this.#stamp[slot]!
    if (stamp[local] === this.#generation) this.#fail(`${what}: block ${block} belongs to two`)
    stamp[local] = this.#generation
    this.#ownedBySlot[slot]! += 1
  }

  #checkRequests(): void {
    const pager = this.#pager
    const pages = this.#pages
    for (const buffer of this.#flight) {
      const count = pager.bufferPages[buffer]!
      const object = pager.bufferObject[buffer]!
      this.#paging[object]! += pager.bufferIsWrite[buffer] === 0 ? count : 0
      for (let i = 0; i < count; i++) {
        const frame = pager.bufferFrames[buffer * 64 + i]!
        if (pages.object[frame] !== object) this.#fail(`frame ${frame} left its object while it was on its way`)
        if (!pager.isInProgress(frame)) this.#fail(`frame ${frame} is on its way, but not marked`)
        if (pager.metadata.lookup(object, pages.pageIndex[frame]!) !== pager.bufferBlock[buffer]! + i)
          this.#fail(`frame ${frame} is on its way to or from a block that is not its page's`)
        if (pager.bufferIsWrite[buffer] === 0 ? pages.exclusiveBusy[frame] === 0 : pages.sharedBusy[frame] === 0)
          this.#fail(`frame ${frame} is on its way, but not busy`)
      }
    }
    for (const swapoff of this.#swapoffs)
      if (swapoff.waits?.on === 'read') this.#paging[pages.object[swapoff.waits.frame]!]! += 1
  }

  /** Metadata, pages and contents of one object; answers its metadata nodes. */
  #checkObject(book: Book): number {
    const { object, base, count, stored, truth } = book
    const pages = this.#pages
    const { metadata } = this.#pager
    const blockAt = this.#blockAt.fill(NO_BLOCK)
    const frameAt = this.#frameAt.fill(-1)
    let nodes = 0
    if (pages.objectType[object] === ObjectType.swap) {
      for (let from = 0; ; nodes++) {
        const node = metadata.nodeFrom(object, from)
        if (node < 0) break
        const first = metadata.nodeIndex[node]!
        let isEmpty = true
        for (let i = 0; i < META_PAGES; i++) {
          const block = metadata.blocks[node * META_PAGES + i]!
          if (block === NO_BLOCK) continue
          isEmpty = false
          const page = first + i - base
          if (page < 0 || page >= count) this.#fail(`object ${object} has a block at page ${page}, which nobody wrote`)
          blockAt[page] = block
          this.#own(block, `page ${page} of object ${object}`)
        }
        if (isEmpty) this.#fail(`object ${object} has an empty metadata node at ${first}`)
        from = first + META_PAGES
      }
      if (pages.metadataNodes[object] !== nodes)
        this.#fail(`object ${object} counts ${pages.metadataNodes[object]!} metadata nodes and has ${nodes}`)
      if (pages.writeMappings[object] !== book.writeCount)
        this.#fail(`object ${object} has ${pages.writeMappings[object]!} bytes mapped writable, not ${book.writeCount}`)
    }
    let paging = this.#paging[object]!
    let resident = 0
    let previous = -1
    for (let frame = pages.firstPage[object]!; frame >= 0; frame = pages.listNext[frame]!) {
      resident += 1
      if (resident > this.#habits.frames) this.#fail(`the list of object ${object}'s pages has no end`)
      if (pages.object[frame] !== object) this.#fail(`frame ${frame} is on the list of object ${object}`)
      if (pages.listPrevious[frame] !== previous) this.#fail(`frame ${frame}'s neighbour in the list is wrong`)
      if (previous >= 0 && pages.listOrder[frame]! <= pages.listOrder[previous]!) this.#fail('the list is out of order')
      previous = frame
      const page = pages.pageIndex[frame]! - base
      if (pages.lookup(object, pages.pageIndex[frame]!) !== frame)
        this.#fail(`page ${page} of object ${object} is not found`)
      frameAt[page] = frame
      if (pages.sharedBusy[frame]! > 0) paging += 1
      const isWaiting = this.#pager.isInProgress(frame)
      if (this.#busyReason[frame] === BusyReason.stuck && pages.exclusiveBusy[frame] === 0)
        this.#fail(`page ${page} of object ${object} should be stuck busy after a read error`)
      if (pages.exclusiveBusy[frame] !== 0 && !isWaiting && this.#busyReason[frame] === BusyReason.none)
        this.#fail(`page ${page} of object ${object} is busy for no reason`)
      if (isWaiting && blockAt[page] === NO_BLOCK)
        this.#fail(`page ${page} of object ${object} is on its way, without a block`)
    }
    if (pages.lastPage[object] !== previous) this.#fail(`the last page of object ${object} is not the list's last`)
    if (resident !== pages.residentPages[object])
      this.#fail(`object ${object} counts ${pages.residentPages[object]!} pages and has ${resident}`)
    if (pages.pagingInProgress[object] !== paging)
      this.#fail(`object ${object} has ${pages.pagingInProgress[object]!} pagings in progress, not ${paging}`)
    // what a dying object has is nobody's any more
    if (book.isDying) return nodes
    for (let page = 0; page < count; page++) {
      const frame = frameAt[page]!
      const block = blockAt[page]!
      const isMoving = frame >= 0 && this.#pager.isInProgress(frame) && pages.exclusiveBusy[frame] === 0
      if (!isMoving) this.#checkStored(book, page, block)
      if (frame >= 0 && pages.valid[frame] === ALL_SECTORS) {
        if (this.#frameVersion[frame] !== truth[page])
          this.#fail(`page ${page} of object ${object} is version ${this.#frameVersion[frame]!}, not ${truth[page]!}`)
        if (pages.dirty[frame] === 0 && stored[page] !== truth[page])
          this.#fail(
            `page ${page} of object ${object} is clean at version ${truth[page]!}, but its block holds ${stored[page]!}`,
          )
      } else if (truth[page] !== NONE && stored[page] !== truth[page])
        this.#fail(
          `page ${page} of object ${object} is lost: version ${truth[page]!} is neither in memory nor in swap (${stored[page]!})`,
        )
    }
    return nodes
  }

  #checkStored(book: Book, page: number, block: number): void {
    const stored = book.stored[page]!
    if ((stored === NONE) !== (block === NO_BLOCK))
      this.#fail(
        `page ${page} of object ${book.object} has ${block === NO_BLOCK ? 'no block' : `block ${block}`}, but should hold ${stored}`,
      )
    if (stored <= NONE) return
    const { devices } = this.#pager
    const slot = devices.slotOfBlock(block)
    const content = this.#blocks[slot]![block - devices.firstBlock[slot]!]!
    if (content !== stored)
      this.#fail(`page ${page} of object ${book.object}: block ${block} holds version ${content}, not ${stored}`)
  }

  /** Blocks that pageouts hold which are neither free nor entered; answers the write tokens they hold. */
  #checkOperations(): number {
    if (this.#puts.length === 0) return 0
    const c = this.#columns
    const runs = c.get('swap.operation.run', 'i32')
    const places = c.get('swap.operation.place', 'i32')
    const blocks = c.get('swap.operation.block', 'f64')
    const freeStart = c.get('swap.operation.freeStart', 'f64')
    const freeCount = c.get('swap.operation.freeCount', 'f64')
    let tokens = 0
    for (const { operation } of this.#puts) {
      const wait = this.#pager.operationWait[operation]!
      const isStopped = wait === Wait.metadata || wait === Wait.writeBuffer
      if (isStopped) {
        tokens += this.#pager.operationAsync[operation]!
        for (let place = places[operation]!; place < runs[operation]!; place++)
          this.#own(blocks[operation]! + place, `pageout ${operation}`)
      }
      for (let i = 0; i < freeCount[operation]!; i++)
        this.#own(freeStart[operation]! + i, `blocks pageout ${operation} will free`)
    }
    return tokens
  }

  #checkDevices(): void {
    const { devices } = this.#pager
    let count = 0
    let available = 0
    let total = 0
    let end = -1
    for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!) {
      count += 1
      const first = devices.firstBlock[slot]!
      const blocks = devices.blocks[slot]!
      if (devices.endBlock[slot] !== first + blocks || first <= end)
        this.#fail(`slot ${slot} covers ${first}..${devices.endBlock[slot]!}, the one before ended at ${end}`)
      end = devices.endBlock[slot]!
      const list = devices.lists[slot]!
      const free = this.#checkFree(slot, list)
      available += free
      const used = devices.used[slot]!
      if (used !== this.#ownedBySlot[slot])
        this.#fail(`slot ${slot} counts ${used} used blocks, ${this.#ownedBySlot[slot]!} have owners`)
      const isClosing = (devices.flags[slot]! & CLOSING) !== 0
      if (!isClosing && free + used !== blocks - LABEL_PAGES)
        this.#fail(`slot ${slot}: ${free} free and ${used} used of ${blocks} blocks`)
      const isLeaving = this.#swapoffs.some((swapoff) => swapoff.slot === slot)
      if (this.#isOrphaned[slot] === true && !isLeaving && free !== this.#orphanedFree[slot])
        this.#fail(`slot ${slot} has gone, but its free blocks change: ${free}, not ${this.#orphanedFree[slot]!}`)
      if (!isLeaving) total += blocks
      else if (free !== 0) this.#fail(`slot ${slot} is being swapped off and has ${free} free blocks`)
      if (isClosing !== (isLeaving || this.#isOrphaned[slot] === true))
        this.#fail(`slot ${slot} is ${isClosing ? '' : 'not '}closing`)
      let consumers = this.#isOrphaned[slot] === true ? 0 : 1
      if (devices.kind[slot] === DeviceKind.disk)
        for (const buffer of this.#flight) if (this.#pager.bufferSlot[buffer] === slot) consumers += 1
      if (devices.consumers[slot] !== consumers)
        this.#fail(`slot ${slot} has ${devices.consumers[slot]!} consumers, not ${consumers}`)
      if ((devices.present[slot] !== 0) !== consumers > 0)
        this.#fail(`slot ${slot}: present is ${devices.present[slot]!}`)
    }
    if (count !== devices.count) this.#fail(`${count} devices are attached, ${devices.count} counted`)
    if (available !== devices.available)
      this.#fail(`${devices.available} blocks are said to be available, ${available} are free`)
    if (total !== devices.total) this.#fail(`swap total is ${devices.total}, not ${total}`)
    if (count === 0 && (devices.full !== 2 || devices.almostFull !== 1)) this.#fail('no device, and swap is not full')
    const head = devices.headSlot
    if (head >= 0 && devices.unit[head]! < 0)
      this.#fail(`the next allocation begins at slot ${head}, which is not attached`)
  }

  #checkFree(slot: number, list: BlockList): number {
    const stamp = this.#stamp[slot]!
    let sum = 0
    for (let block = list.nextFree(0); block >= 0;) {
      const end = list.nextAllocated(block)
      if (block < LABEL_PAGES) this.#fail(`slot ${slot}: a block of the label is free`)
      for (let i = block; i < end; i++)
        if (stamp[i] === this.#generation) this.#fail(`slot ${slot}: block ${i} is free, and in use`)
      sum += end - block
      block = list.nextFree(end)
    }
    if (sum !== list.available) this.#fail(`slot ${slot}: ${sum} blocks are free, ${list.available} counted`)
    return sum
  }

  #checkQueues(): void {
    const pages = this.#pages
    let sum = 0
    for (let queue = 1; queue < QUEUES; queue++) {
      let length = 0
      let previous = -1
      for (let frame = pages.queueHead[queue]!; frame >= 0; frame = pages.next[frame]!) {
        if (pages.queue[frame] !== queue || pages.previous[frame] !== previous)
          this.#fail(`queue ${queue} is broken at frame ${frame}`)
        if ((queue === Queue.free) !== pages.object[frame]! < 0) this.#fail(`frame ${frame} is on queue ${queue}`)
        previous = frame
        length += 1
        if (length > this.#habits.frames) this.#fail(`queue ${queue} has no end`)
      }
      if (pages.queueTail[queue] !== previous || pages.queueLength[queue] !== length)
        this.#fail(`queue ${queue} has a wrong tail or length`)
      sum += length
    }
    if (sum > this.#habits.frames) this.#fail('a frame is on two queues')
  }

  /** Ends everything in good order: nothing must remain but what was lost as foreseen. */
  windUp(): void {
    this.#random = new Random(1)
    this.#isForeseen = null
    for (let round = 0; this.#flight.length > 0 || this.#puts.length > 0 || this.#gets.length > 0; round++) {
      if (round > 100) {
        const waits = this.#puts.map((put) => this.#pager.operationWait[put.operation]!)
        const { metadata } = this.#pager
        if (waits.some((wait) => wait !== Wait.metadata) || metadata.nodesInUse < metadata.nodeLimit)
          this.#fail(`pageouts that wait for ${waits.join(', ')} do not end`)
        // nothing else has metadata any more: the pages that wait hold all there is, and the kernel would wait for ever too
        this.#count('zoneDeadlocks')
        return
      }
      while (this.#flight.length > 0) this.#finish(this.#flight.shift()!)
      this.#endGets()
      for (const put of [...this.#puts]) {
        this.#carryOn(put)
        while (this.#flight.length > 0) this.#finish(this.#flight.shift()!)
      }
      // a zone without room holds pageouts up: an object that ends gives some back
      if (round > 20) this.#makeRoom()
    }
    this.check()
    for (const swapoff of this.#swapoffs) {
      if (swapoff.waits?.on === 'read') {
        const object = this.#pages.object[swapoff.waits.frame]!
        this.#pages.pagingInProgress[object]! -= 1
      }
    }
    for (const book of this.#bookList) book.isDying = true
    for (const book of [...this.#bookList]) this.#pages.objectFlags[book.object]! |= ObjectFlag.dead
    this.#endDying()
    if (this.#bookList.length > 0) this.#fail('an object does not end')
    const { devices, metadata } = this.#pager
    if (metadata.nodesInUse !== 0) this.#fail(`${metadata.nodesInUse} metadata nodes remain`)
    if (this.#pages.freeCount !== this.#habits.frames) this.#fail('not all frames are free')
    for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!)
      if (devices.used[slot] !== this.#leakedOn(slot))
        this.#fail(`${devices.used[slot]!} blocks of slot ${slot} remain used, ${this.#leakedOn(slot)} were lost`)
  }

  #makeRoom(): void {
    const busy = this.#puts.map((put) => put.book)
    const book = this.#bookList.find(
      (candidate) => !busy.includes(candidate) && this.#pages.pagingInProgress[candidate.object] === 0,
    )
    if (book === undefined) {
      for (const other of this.#bookList)
        for (let page = 0; page < other.count; page++) {
          const frame = this.#frame(other, page)
          if (frame >= 0 && this.#pages.isBusy(frame)) continue
          if (frame >= 0) this.#pages.free(frame)
          this.#pager.freeSpace(other.object, other.base + page, 1)
          other.truth[page] = NONE
          other.stored[page] = NONE
        }
      return
    }
    book.isDying = true
    this.#pages.objectFlags[book.object]! |= ObjectFlag.dead
    this.#endDying()
  }
}
