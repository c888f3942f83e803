/** Reading an experiment file: what is wrong with it is said with its line, or its field. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ContractError } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { firstFault } from './jsonFault.ts'

/** The experiment with its defaults filled in and its paths absolute. Throws ContractError that names file, line or field. */
export function readExperimentFile(file: string): ExperimentFile {
  const checked = parseExperiment(readJsonFile(file))
  if (!checked.file) {
    const [first, ...others] = checked.issues
    const more = others.length === 0 ? '' : ` (and ${others.length} more: ${others.map((issue) => issue.field).join(', ')})`
    const what = first ? `${first.field}: ${first.message}` : 'is no experiment'
    throw new ContractError({ code: 'bad-experiment', message: `${file}: ${what}${more}`, ...(first ? { field: first.field } : {}) })
  }
  return withAbsolutePaths(checked.file, path.dirname(path.resolve(file)))
}

/** What a JSON file holds. Throws ContractError that names file and line. */
export function readJsonFile(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = errorShape(error)
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a directory' : errorShape(error).message
    throw new ContractError({ code: 'unreadable', message: `${file}: ${why}` })
  }
  return parseJsonFile(file, text)
}

/** Names without a slash stay: they are images of the workspace. */
function withAbsolutePaths(file: ExperimentFile, base: string): ExperimentFile {
  const absolute = (image: string) => (/[/\\]/.test(image) ? path.resolve(base, image) : image)
  const devices = file.swap.devices.map((device) => ({ ...device, image: absolute(device.image) }))
  const files = file.files?.image == null ? file.files : { ...file.files, image: absolute(file.files.image) }
  const processes = file.processes.map((process) =>
    'file' in process.workload
      ? { ...process, workload: { ...process.workload, file: path.resolve(base, process.workload.file) } }
      : process,
  )
  return { ...file, swap: { ...file.swap, devices }, files, processes }
}

function parseJsonFile(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const { offset, expected } = firstFault(text)
    const before = text.slice(0, offset).split('\n')
    const found = offset >= text.length ? 'the file ends' : `there is ${JSON.stringify(text.slice(offset, offset + 12))}`
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw new ContractError({ code: 'bad-json', message: `${file}: ${place}: ${found} where ${expected} should be` })
  }
}
