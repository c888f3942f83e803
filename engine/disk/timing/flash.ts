/**
 * Flash behind channels: the common part of the models `ssd` and `nvme`, which differ in their figures.
 *
 * Device pages are striped over the channels in units of a flash page. A channel does one flash page at a time; all
 * channels share the link to the machine, on which pages pass one after the other: after the flash for a read, before
 * it for a write. So one small request costs the flash's latency, and many at once are bounded by channels or link.
 */

import {
  type TimingModel,
  type TimingModelDefinition,
  type TimingModelOptions,
  type TimingParameter,
  pageNsAt,
} from './timingModel.ts'
import { NS_PER_US, PAGE_BYTES } from '../units.ts'

class FlashTiming implements TimingModel {
  readonly #readNs: number
  readonly #writeNs: number
  readonly #pageNs: number
  readonly #channels: number
  /** Device pages that one flash page holds. */
  readonly #stripePages: number
  /** [0..channels-1] time until which a channel is busy, [channels] the link. */
  #busyUntil: Float64Array

  constructor({ columns, name, parameters }: TimingModelOptions) {
    this.#readNs = Math.round(parameters['readUs']! * NS_PER_US)
    this.#writeNs = Math.round(parameters['writeUs']! * NS_PER_US)
    this.#pageNs = Math.round(pageNsAt(parameters['rate']!))
    this.#channels = parameters['channels']!
    this.#stripePages = Math.max(1, Math.floor((parameters['flashPageKiB']! * 1024) / PAGE_BYTES))
    this.#busyUntil = columns.define(`${name}.busyUntil`, 'f64', this.#channels + 1)
    columns.onRebind(() => {
      this.#busyUntil = columns.get(`${name}.busyUntil`, 'f64')
    })
  }

  submit(now: number, isWrite: boolean, page: number, pages: number): number {
    const busyUntil = this.#busyUntil
    const channels = this.#channels
    const stripe = this.#stripePages
    let completion = now
    let left = pages
    while (left > 0) {
      const unit = Math.floor(page / stripe)
      const run = Math.min(left, (unit + 1) * stripe - page)
      const channel = unit % channels
      const linkNs = run * this.#pageNs
      let end
      if (isWrite) {
        const sent = Math.max(now, busyUntil[channels]!) + linkNs
        busyUntil[channels] = sent
        end = Math.max(sent, busyUntil[channel]!) + this.#writeNs
        busyUntil[channel] = end
      } else {
        const sensed = Math.max(now, busyUntil[channel]!) + this.#readNs
        busyUntil[channel] = sensed
        end = Math.max(sensed, busyUntil[channels]!) + linkNs
        busyUntil[channels] = end
      }
      if (end > completion) completion = end
      page += run
      left -= run
    }
    return completion
  }
}

interface FlashFigures {
  readUs: number
  writeUs: number
  channels: number
  rate: number
}

/** A definition of a flash device whose defaults are `figures`. */
export function flashModel(name: string, description: string, figures: FlashFigures): TimingModelDefinition {
  const parameters: TimingParameter[] = [
    {
      name: 'readUs',
      unit: 'us',
      default: figures.readUs,
      min: 0,
      max: 1_000_000,
      isWhole: false,
      description: 'Time until a flash page has been read.',
    },
    {
      name: 'writeUs',
      unit: 'us',
      default: figures.writeUs,
      min: 0,
      max: 1_000_000,
      isWhole: false,
      description: 'Time until a flash page has been taken, mostly by the device’s own buffer.',
    },
    {
      name: 'channels',
      unit: 'channels',
      default: figures.channels,
      min: 1,
      max: 4096,
      isWhole: true,
      description: 'Flash pages that are worked on at the same time.',
    },
    {
      name: 'flashPageKiB',
      unit: 'KiB',
      default: 16,
      min: 4,
      max: 1024,
      isWhole: true,
      description: 'What one channel reads or writes at a time.',
    },
    {
      name: 'rate',
      unit: 'MB/s',
      default: figures.rate,
      min: 0.01,
      max: 1_000_000,
      isWhole: false,
      description: 'Rate of the link that all channels share.',
    },
  ]
  return { name, description, parameters, create: (options) => new FlashTiming(options) }
}
