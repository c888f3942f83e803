/**
 * A disk with one arm: seek, rotation, transfer, one request after the other.
 *
 * The geometry is one surface of concentric tracks in 16 zones of equally many pages; a zone's tracks hold as many
 * pages as pass the head in a revolution at the zone's transfer rate, which falls from the first zone to the last.
 * The platter's angle is a function of virtual time alone. A track begins one track-to-track seek later than the one
 * before it (skew), so that a long transfer goes on without losing a revolution.
 *
 * A seek over a share d of all tracks takes a + b * sqrt(d). Over uniformly random places the mean of sqrt(d) is 8/15,
 * which is how b follows from the average seek.
 *
 * Reads that follow each other are served from what the drive has read on by itself, up to its buffer. Writes wait for
 * the medium: there is no write-back cache.
 */

import type { Columns } from '../../sim/columns.ts'
import { type TimingModel, type TimingModelDefinition, type TimingModelOptions, pageNsAt } from './timingModel.ts'
import { NS_PER_MS, NS_PER_US, PAGE_BYTES } from '../units.ts'

const ZONES = 16

/** Rows of the state column. */
const State = {
  /** Page behind the last one transferred: where the head is. */
  nextPage: 0,
  /** Track of that page. */
  track: 1,
  /** Virtual time at which the head got there, and until which the arm is busy. */
  mediumNs: 2,
  /** 1 if the last request was a read, which the drive goes on with. */
  isReading: 3,
} as const

class HddTiming implements TimingModel {
  readonly #rotationNs: number
  readonly #skewNs: number
  readonly #seekFactorNs: number
  readonly #commandNs: number
  readonly #bufferPages: number
  readonly #tracks: number
  readonly #zonePages: number
  /** By zone: pages of a track, time of a page under the head, first track. */
  readonly #pagesPerTrack = new Float64Array(ZONES)
  readonly #pageNs = new Float64Array(ZONES)
  readonly #firstTrack = new Float64Array(ZONES)
  #state: Float64Array

  constructor({ columns, name, sizePages, parameters }: TimingModelOptions) {
    this.#rotationNs = Math.round(60_000_000_000 / parameters['rpm']!)
    this.#skewNs = Math.round(parameters['trackToTrackMs']! * NS_PER_MS)
    const averageNs = Math.round(parameters['averageSeekMs']! * NS_PER_MS)
    this.#seekFactorNs = Math.max(0, ((averageNs - this.#skewNs) * 15) / 8)
    this.#commandNs = Math.round(parameters['commandUs']! * NS_PER_US)
    this.#bufferPages = Math.floor((parameters['bufferKiB']! * 1024) / PAGE_BYTES)
    const capacity = Math.floor((parameters['capacityMiB']! * 1024 * 1024) / PAGE_BYTES)
    const diskPages = Math.max(capacity, sizePages, ZONES)
    const outer = parameters['outerRate']!
    const inner = parameters['innerRate']!
    this.#zonePages = Math.ceil(diskPages / ZONES)
    let track = 0
    for (let zone = 0; zone < ZONES; zone++) {
      const rate = outer + ((inner - outer) * zone) / (ZONES - 1)
      const pagesPerTrack = Math.max(1, Math.round(this.#rotationNs / pageNsAt(rate)))
      this.#pagesPerTrack[zone] = pagesPerTrack
      this.#pageNs[zone] = this.#rotationNs / pagesPerTrack
      this.#firstTrack[zone] = track
      track += Math.ceil(this.#zonePages / pagesPerTrack)
    }
    this.#tracks = track
    this.#state = columns.define(`${name}.hdd`, 'f64', 4)
    this.#onRebind(columns, name)
  }

  #onRebind(columns: Columns, name: string): void {
    columns.onRebind(() => {
      this.#state = columns.get(`${name}.hdd`, 'f64')
    })
  }

  submit(now: number, isWrite: boolean, page: number, pages: number): number {
    const state = this.#state
    const mediumNs = state[State.mediumNs]!
    const arrival = now + this.#commandNs
    let start: number
    if (page === state[State.nextPage] && !isWrite && state[State.isReading] === 1) {
      // The drive has been reading on since the last request, until its buffer was full.
      const aheadNs = this.#bufferPages * this.#pageNs[this.#zoneOf(page)]!
      start = Math.max(mediumNs + this.#switchNs(page), Math.round(arrival - aheadNs))
    } else if (page === state[State.nextPage] && isWrite && state[State.isReading] === 0 && arrival <= mediumNs) {
      // It waited in the queue, and the head comes to its place as the one before ends.
      start = mediumNs + this.#switchNs(page)
    } else {
      start = this.#reach(Math.max(arrival, mediumNs), page)
    }
    const end = this.#transfer(start, page, pages)
    state[State.nextPage] = page + pages
    state[State.track] = this.#trackOf(pages === 0 ? page : page + pages - 1)
    state[State.mediumNs] = end
    state[State.isReading] = isWrite ? 0 : 1
    return Math.max(end, arrival)
  }

  /** When the head, free at `from`, is over the beginning of `page`. */
  #reach(from: number, page: number): number {
    const track = this.#trackOf(page)
    const distance = Math.abs(track - this.#state[State.track]!)
    let seekNs = 0
    if (distance > 0) {
      seekNs = this.#skewNs + Math.round(this.#seekFactorNs * Math.sqrt((distance - 1) / this.#tracks))
    }
    const settled = from + seekNs
    const zone = this.#zoneOf(page)
    const within = (page - zone * this.#zonePages) % this.#pagesPerTrack[zone]!
    const angle = (Math.round(within * this.#pageNs[zone]!) + track * this.#skewNs) % this.#rotationNs
    const wait = (angle - (settled % this.#rotationNs) + this.#rotationNs) % this.#rotationNs
    return settled + wait
  }

  /** When the transfer that begins at `start` has passed the head. */
  #transfer(start: number, page: number, pages: number): number {
    let ns = 0
    let left = pages
    while (left > 0) {
      const zone = this.#zoneOf(page)
      const zoneStart = zone * this.#zonePages
      const perTrack = this.#pagesPerTrack[zone]!
      const toTrackEnd = perTrack - ((page - zoneStart) % perTrack)
      const toZoneEnd = zoneStart + this.#zonePages - page
      const run = Math.max(1, Math.min(left, toTrackEnd, toZoneEnd))
      ns += run * this.#pageNs[zone]!
      left -= run
      page += run
      if (left > 0) ns += this.#skewNs
    }
    return start + Math.round(ns)
  }

  /** What it takes to go on from the page before: a step of the arm if `page` is the first of its track. */
  #switchNs(page: number): number {
    const zone = this.#zoneOf(page)
    return (page - zone * this.#zonePages) % this.#pagesPerTrack[zone]! === 0 ? this.#skewNs : 0
  }

  #zoneOf(page: number): number {
    return Math.min(ZONES - 1, Math.floor(page / this.#zonePages))
  }

  #trackOf(page: number): number {
    const zone = this.#zoneOf(page)
    return this.#firstTrack[zone]! + Math.floor((page - zone * this.#zonePages) / this.#pagesPerTrack[zone]!)
  }
}

export const hdd: TimingModelDefinition = {
  name: 'hdd',
  description: 'A disk with an arm and turning platters: seek, rotation, transfer.',
  parameters: [
    {
      name: 'rpm',
      unit: '1/min',
      default: 7200,
      min: 60,
      max: 60_000,
      isWhole: false,
      description: 'Revolutions per minute; a random request waits half a revolution on average.',
    },
    {
      name: 'averageSeekMs',
      unit: 'ms',
      default: 8.5,
      min: 0,
      max: 1000,
      isWhole: false,
      description: 'Mean time of a seek between two random places of the disk.',
    },
    {
      name: 'trackToTrackMs',
      unit: 'ms',
      default: 0.8,
      min: 0,
      max: 100,
      isWhole: false,
      description: 'Time of a seek to the next track.',
    },
    {
      name: 'outerRate',
      unit: 'MB/s',
      default: 180,
      min: 0.01,
      max: 10_000,
      isWhole: false,
      description: 'Rate at which the first tracks pass the head.',
    },
    {
      name: 'innerRate',
      unit: 'MB/s',
      default: 90,
      min: 0.01,
      max: 10_000,
      isWhole: false,
      description: 'Rate at which the last tracks pass the head; equal to the outer rate for a disk without zones.',
    },
    {
      name: 'capacityMiB',
      unit: 'MiB',
      default: 0,
      min: 0,
      max: 8_589_934_592,
      isWhole: false,
      description: 'Size of the whole disk, at whose beginning the device lies; 0 if the device is the disk.',
    },
    {
      name: 'bufferKiB',
      unit: 'KiB',
      default: 8192,
      min: 0,
      max: 4_194_304,
      isWhole: false,
      description: 'What the drive reads ahead by itself after a read.',
    },
    {
      name: 'commandUs',
      unit: 'us',
      default: 50,
      min: 0,
      max: 1_000_000,
      isWhole: false,
      description: 'Time from submission until the drive has understood a request.',
    },
  ],
  create: (options) => new HddTiming(options),
}
