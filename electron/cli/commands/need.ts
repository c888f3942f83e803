/** pager need: how much RAM a workload needs. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { ContractError, type WorkbenchClient } from '../../contract/contract.ts'
import type { NeedLayout, NeedProgress, NeedResult } from '../../contract/memoryNeed.ts'
import { withWorkbench } from '../client.ts'
import {
  atPlace,
  commonHelp,
  onlyArgument,
  parse,
  positiveNumber,
  print,
  printJson,
  UsageError,
  wholeNumber,
  workspaceOf,
  type Command,
} from '../command.ts'
import { readExperimentFile } from '../experimentFile.ts'
import { bytes, count, ProgressLine } from '../terminal.ts'

const PAGE_BYTES = 4096
const DEVICES_MAX = 6

export const need: Command = {
  help: `
pager need EXPERIMENT.json|TRACE|WORKLOAD [options]

Looks for the smallest RAM with which the virtual time is at most some per cent above that with unlimited RAM, by bisection over whole
machines: page daemon, swap pager, devices. Says too how much swap is in use at the most, how much more there must be because free
space is cut up, and which number of devices needs least RAM.

A TRACE (a file) or a WORKLOAD (of the workspace) runs on FreeBSD's page daemon with swap on SSDs; an experiment brings its own machine,
and its first swap device is the model for all.

  --within PERCENT  how much more virtual time is allowed; 5
  --devices LIST    numbers of swap devices to try; 1,2,4
${commonHelp}

Virtual time is not monotone in RAM: a larger machine may be slower. Neighbours of the answer, up to 10 % below and above, are run
too, and what they contradict is told.
Exit status: 0; 1 if it was cancelled or nothing was found; 2 if the input cannot be used.`,

  async run(args) {
    const { values, positionals } = parse(args, { within: { type: 'string' }, devices: { type: 'string' } })
    const name = onlyArgument(positionals, 'experiment, trace or workload')
    const within = values.within === undefined ? 5 : positiveNumber(values.within, '--within')
    if (within > 1000) throw new UsageError('--within: 1000 % at the most')
    const deviceCounts = (values.devices ?? '1,2,4').split(',').map((text) => {
      const devices = wholeNumber(text.trim(), '--devices', 1)
      if (devices > DEVICES_MAX) throw new UsageError(`--devices: ${devices}; a machine has ${DEVICES_MAX} at the most`)
      return devices
    })
    return withWorkbench(workspaceOf(values.workspace), async (client) => {
      const file = await experimentOf(name, client)
      const progress = await followSearch(client, () =>
        client.request('need.start', { file, within, deviceCounts }).catch((error: unknown) => {
          throw atPlace(name, error)
        }),
      )
      if (progress.result === null)
        throw new ContractError({ code: progress.state, message: progress.error ?? 'cancelled' })
      if (values.json) printJson(progress.result)
      else print(needText(progress.result))
      return 0
    }).catch((error: unknown) => {
      if (!(error instanceof ContractError) || (error.code !== 'cancelled' && error.code !== 'failed')) throw error
      process.stderr.write(`pager need: ${error.message}\n`)
      return 1
    })
  },
}

/** An experiment file, or one made for a trace or a workload. */
async function experimentOf(name: string, client: WorkbenchClient): Promise<unknown> {
  const isFile = existsSync(name)
  if (isFile && startsAsJson(name)) return readExperimentFile(name)
  if (isFile) return { name: path.basename(name), processes: [{ workload: { file: path.resolve(name) } }] }
  const workloads = await client.request('workloads.list', {})
  if (workloads.some((workload) => workload.name === name)) return { name, processes: [{ workload: { name } }] }
  const known =
    workloads.length === 0 ? 'it has none' : `it has ${workloads.map((workload) => workload.name).join(', ')}`
  throw new UsageError(`${name}: no such file, and the workspace has no workload of that name; ${known}`)
}

function startsAsJson(file: string): boolean {
  const bytesRead = Buffer.alloc(64)
  const opened = openSync(file, 'r')
  try {
    return bytesRead.subarray(0, readSync(opened, bytesRead)).toString('latin1').trimStart().startsWith('{')
  } catch {
    // a folder: whoever reads it as an experiment says so
    return true
  } finally {
    closeSync(opened)
  }
}

/** Answers the search's last progress. Ctrl-C cancels it. */
async function followSearch(client: WorkbenchClient, start: () => Promise<{ search: number }>): Promise<NeedProgress> {
  const line = new ProgressLine()
  const last = new Map<number, NeedProgress>()
  let search: number | undefined
  let wake = () => {}
  const end = client.on('need.progress', (progress) => {
    if (progress.state === 'running') {
      const brackets = progress.brackets.map(
        ({ devices, low, high }) =>
          `${devices} ${devices === 1 ? 'device' : 'devices'}: ${count(low)} to ${count(high)}`,
      )
      line.show(`${count(progress.runs)} machines run; ${brackets.join(', ')}`)
      return
    }
    last.set(progress.search, progress)
    wake()
  })
  const cancel = () => {
    if (search !== undefined) client.request('need.cancel', { search }).catch(() => undefined)
  }
  process.on('SIGINT', cancel)
  process.on('SIGTERM', cancel)
  try {
    search = (await start()).search
    for (;;) {
      const found = last.get(search)
      if (found) return found
      await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    process.off('SIGINT', cancel)
    process.off('SIGTERM', cancel)
    end()
    line.clear()
  }
}

/** One line; a second one where neighbours contradict it. */
export function needText({ name, within, footprint, layouts, best }: NeedResult): string {
  const chosen = layouts.find(({ devices }) => devices === best)
  if (!chosen) return `${name}: nothing was found`
  const others = layouts
    .filter(({ devices }) => devices !== best)
    .map((layout) => `${count(layout.frames)} with ${devicesText(layout)}`)
  const beside = others.length === 0 ? '' : ` (${others.join(', ')})`
  const swap =
    chosen.peakSwapPages === 0
      ? 'nothing is swapped'
      : `swap in use peaks at ${amount(chosen.peakSwapPages)} and must have ${amount(chosen.swapPages)}, ${percent(chosen.fragmentationMargin)} more for fragmentation`
  const text = `${name}: within ${within} % of unlimited RAM from ${amount(chosen.frames)}, ${percent(chosen.frames / Math.max(1, footprint))} of the footprint, with ${devicesText(chosen)}${beside}; ${swap}.`
  const contradicted = layouts.filter(({ exceptions }) => exceptions.length > 0)
  if (contradicted.length === 0) return text
  return `${text}\nNot monotone: ${contradicted.map(exceptionText).join('; ')}.`
}

function exceptionText(layout: NeedLayout): string {
  const smaller = layout.exceptions.filter(({ isWithin }) => isWithin).map(({ frames }) => count(frames))
  const larger = layout.exceptions.filter(({ isWithin }) => !isWithin).map(({ frames }) => count(frames))
  const parts = [
    ...(smaller.length > 0 ? [`${smaller.join(', ')} would do too`] : []),
    ...(larger.length > 0
      ? [
          `${larger.join(', ')} would not; every larger one that was tried is within from ${count(layout.safeFrames)} on`,
        ]
      : []),
  ]
  return `with ${devicesText(layout)}, ${parts.join(', ')}`
}

const devicesText = ({ devices }: NeedLayout) => (devices === 1 ? '1 device' : `${devices} devices`)
const amount = (pages: number) => `${count(pages)} pages (${bytes(pages * PAGE_BYTES)})`
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
