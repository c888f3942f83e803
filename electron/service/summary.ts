/** What an experiment amounts to, in plain words. */
import type { ExperimentFile } from '../contract/experiment.ts'
import type { CheckResult } from './protocol.ts'

export function summaryOf(file: ExperimentFile, { frames, footprint, references, thresholds }: CheckResult): string {
  const sentences: string[] = []
  const processes = file.processes.length === 1 ? 'one process' : `${file.processes.length} processes`
  const amount = references === null ? '' : ` and ${count(references)} references`
  sentences.push(footprint === null ? `Runs ${processes}.` : `Runs ${processes} of ${pages(footprint)}${amount}.`)
  if (frames !== null) {
    const free = frames - file.machine.wired
    const share = footprint === null || footprint === 0 ? '' : `, ${Math.round((free * 100) / footprint)} % of what they use`
    sentences.push(`RAM is ${pages(frames)}${share}.`)
  }
  const devices = file.swap.devices.filter((device) => device.swapon).length
  const target = thresholds?.freeTarget ?? 0
  const fits = footprint !== null && frames !== null && frames - file.machine.wired >= footprint + target
  if (fits) sentences.push('Everything fits, so nothing will be paged out.')
  else if (devices === 0) sentences.push('There is no swap: anonymous pages cannot leave RAM.')
  else sentences.push(`Pages go to ${devices === 1 ? 'one swap device' : `${devices} swap devices`}.`)
  return sentences.join(' ')
}

const count = (value: number) => value.toLocaleString('en-US')

function pages(value: number): string {
  const mebibytes = (value * 4096) / 1048576
  return `${count(value)} pages (${mebibytes < 10 ? mebibytes.toFixed(1) : Math.round(mebibytes)} MiB)`
}
