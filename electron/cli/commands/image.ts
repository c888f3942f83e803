/** pager image: what is on a raw image, and in the file systems on it. */
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { workspacePaths } from '../../../db/workspace.ts'
import { checkFileSystem } from '../../../engine/ufs/check.ts'
import type { UfsFileSystem } from '../../../engine/ufs/fileSystem.ts'
import { FileKind } from '../../../engine/ufs/inode.ts'
import type { ImageContent, ImageInfo } from '../../contract/contract.ts'
import { openFileSystem } from '../../service/imageContents.ts'
import { listFiles } from '../../service/imageFiles.ts'
import { inspectImage } from '../../service/images.ts'
import { applyRun } from '../../service/keptOverlays.ts'
import { atPlace, commonHelp, onlyArgument, parse, print, printJson, UsageError, wholeNumber, workspaceOf, type Command } from '../command.ts'
import { bytes, count, ProgressLine, table } from '../terminal.ts'

export const image: Command = {
  help: `
pager image IMAGE [options]

Says what is on a raw disk image: its size, its partitions (GPT, MBR, BSD label) and what each of them holds. IMAGE is a path,
or the name of an image of the workspace. Nothing is written, but by --apply.

  --partition N     the file system of partition N, for the options below; else the only one that there is
  --ls PATH         the files in a directory of a UFS1 or UFS2 file system, or one file
  --cat PATH        the bytes of a file, to standard output
  --check           checks the file system: everything that it says twice is compared. Repairs nothing
  --apply RUN       writes what a run has changed into the image that it was made on; the run must have kept its overlays
                    ("keepOverlays": true in its experiment), and the image must be as it was then
${commonHelp}

Exit status: 0; 1 if something is wrong with the image or the file system; 2 if there is none.`,

  async run(args) {
    const { values, positionals } = parse(args, {
      partition: { type: 'string' },
      ls: { type: 'string' },
      cat: { type: 'string' },
      check: { type: 'boolean' },
      apply: { type: 'string' },
    })
    const name = onlyArgument(positionals, 'image')
    const workspace = workspaceOf(values.workspace)
    const file = imageFile(workspace, name)
    const actions = [values.ls, values.cat, values.check, values.apply].filter((each) => each !== undefined)
    if (actions.length > 1) throw new UsageError('one of --ls, --cat, --check and --apply only')
    const partition = values.partition === undefined ? null : wholeNumber(values.partition, '--partition')
    const isJson = values.json === true
    if (values.apply !== undefined) return apply(workspace, file, wholeNumber(values.apply, '--apply', 1), isJson)
    if (actions.length === 0) return show(file, isJson)
    const opened = openFileSystem(file, partition)
    try {
      if (values.check) return check(opened.fileSystem, file, opened.partition, isJson)
      const target = values.ls ?? values.cat ?? ''
      try {
        if (values.ls !== undefined) list(opened.fileSystem, target, isJson)
        else await copy(opened.fileSystem, target)
      } catch (error) {
        throw atPlace(file, error)
      }
      return 0
    } finally {
      opened.close()
    }
  },
}

function imageFile(workspace: string, name: string): string {
  const inWorkspace = path.join(workspacePaths(workspace).images, name)
  const file = !existsSync(name) && !/[/\\]/.test(name) && existsSync(inWorkspace) ? inWorkspace : path.resolve(name)
  const status = statSync(file, { throwIfNoEntry: false })
  if (status === undefined) throw new UsageError(`${name}: no such file`)
  if (status.isDirectory()) throw new UsageError(`${name}: is a directory`)
  return file
}

// ---- what is on it -----------------------------------------------------------------------------------------

function show(file: string, isJson: boolean): number {
  const info = inspectImage(path.basename(file), file)
  if (isJson) printJson(info)
  else print(describe(info, file))
  const contents = [info.content, ...info.partitions.map((each) => each.content)]
  return info.problem === null && contents.every((content) => content?.problem == null) ? 0 : 1
}

function describe(info: ImageInfo, file: string): string {
  const lines = [`${file}: ${bytes(info.sizeBytes)}, ${bytes(info.allocatedBytes)} on the disk`]
  if (info.partitions.length > 0)
    lines.push(
      table(
        ['no#', 'name', 'type', 'table', 'begins at#', 'size#', 'holds'],
        info.partitions.map((each) => [
          String(each.index),
          each.name,
          each.typeName,
          each.scheme,
          String(each.offsetBytes),
          bytes(each.lengthBytes),
          holds(each.content),
        ]),
      ),
    )
  else if (info.problem === null) lines.push(`no partition table; holds ${info.content === null ? 'nothing known' : holds(info.content)}`)
  if (info.problem !== null) lines.push(`problem: ${info.problem}`)
  for (const { name, content } of info.partitions) if (content.problem !== null) lines.push(`${name}: ${content.problem}`)
  if (info.content?.problem != null) lines.push(`file system: ${info.content.problem}`)
  return lines.join('\n')
}

const kindNames: { readonly [kind: string]: string } = {
  swap: 'swap space',
  ufs1: 'UFS1',
  ufs2: 'UFS2',
  iso9660: 'ISO 9660',
  ext: 'Linux ext',
  unknown: 'nothing known',
}

function holds({ kind, label, dataBytes, freeBytes }: ImageContent): string {
  const name = `${kindNames[kind] ?? kind}${label === '' ? '' : ` "${printable(label)}"`}`
  return dataBytes === null || freeBytes === null ? name : `${name}, ${bytes(freeBytes)} of ${bytes(dataBytes)} free`
}

// ---- files -------------------------------------------------------------------------------------------------

function list(fileSystem: UfsFileSystem, target: string, isJson: boolean): void {
  const listed = listFiles(fileSystem, target)
  if (isJson) {
    printJson(listed)
    return
  }
  print(
    table(
      ['inode#', 'mode', 'links#', 'uid#', 'gid#', 'size#', 'on disk#', 'modified', 'name'],
      listed.map((each) => [
        String(each.inode),
        each.mode,
        String(each.links),
        String(each.uid),
        String(each.gid),
        String(each.sizeBytes),
        String(each.allocatedBytes),
        each.modified,
        printable(each.target === null ? each.name : `${each.name} -> ${each.target}`),
      ]),
    ),
  )
}

/** What stands on an image may try to command the terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}

const COPY_BYTES = 1 << 20

async function copy(fileSystem: UfsFileSystem, target: string): Promise<void> {
  const file = fileSystem.lookup(target)
  if (fileSystem.inode(file).kind !== FileKind.regular) throw new UsageError(`${target} is no regular file`)
  const size = fileSystem.sizeBytes(file)
  for (let at = 0; at < size; at += COPY_BYTES) {
    if (!process.stdout.write(fileSystem.readAt(file, at, COPY_BYTES))) await once(process.stdout, 'drain')
  }
}

// ---- checking and applying ---------------------------------------------------------------------------------

function check(fileSystem: UfsFileSystem, file: string, partition: number | null, isJson: boolean): number {
  const progress = new ProgressLine()
  const result = checkFileSystem(fileSystem, (done, total) => progress.show('checking', done / total))
  progress.clear()
  const isClean = result.problems.length === 0
  if (isJson) printJson({ image: file, partition, kind: fileSystem.kind, clean: isClean, ...result })
  else {
    for (const { message } of result.problems) print(printable(message))
    if (result.more > 0) print(`and ${count(result.more)} more`)
    const { fragmentSize } = fileSystem
    print(
      `${isClean ? 'clean' : `${count(result.problems.length + result.more)} problems`}: ${fileSystem.kind.toUpperCase()}, ${count(result.files)} files, ${count(result.directories)} directories, ${bytes(result.usedFragments * fragmentSize)} used, ${bytes(result.freeFragments * fragmentSize)} free`,
    )
  }
  return isClean ? 0 : 1
}

function apply(workspace: string, file: string, run: number, isJson: boolean): number {
  const progress = new ProgressLine()
  const applied = applyRun(workspace, file, run, (done, total) => progress.show('writing', done / Math.max(1, total)))
  progress.clear()
  if (isJson) printJson({ image: file, run, ...applied })
  else print(`${file}: ${count(applied.pages)} pages of run ${run} written (${bytes(applied.pages * 4096)}), from ${applied.overlays} overlay${applied.overlays === 1 ? '' : 's'}`)
  return 0
}
