/** pager image: what is on a raw image. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { workspacePaths } from '../../../db/workspace.ts'
import { inspectImage } from '../../service/images.ts'
import { commonHelp, onlyArgument, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { bytes, table } from '../terminal.ts'

export const image: Command = {
  help: `
pager image IMAGE [options]

Says what is on a raw disk image: its size and its partitions (GPT, MBR, BSD label). IMAGE is a path, or the name of
an image of the workspace. Nothing is written.

${commonHelp}

Exit status: 0; 1 if something is wrong with the image; 2 if there is none.`,

  run(args) {
    const { values, positionals } = parse(args, {})
    const name = onlyArgument(positionals, 'image')
    const inWorkspace = path.join(workspacePaths(workspaceOf(values.workspace)).images, name)
    const file = !existsSync(name) && !/[/\\]/.test(name) && existsSync(inWorkspace) ? inWorkspace : path.resolve(name)
    if (!existsSync(file)) throw new UsageError(`${name}: no such file`)
    const info = inspectImage(path.basename(file), file)
    if (values.json) printJson(info)
    else {
      print(`${file}: ${bytes(info.sizeBytes)}, ${bytes(info.allocatedBytes)} on the disk`)
      if (info.partitions.length > 0)
        print(
          table(
            ['#', 'name', 'type', 'table', 'begins at#', 'size#'],
            info.partitions.map((each) => [
              String(each.index),
              each.name,
              each.typeName,
              each.scheme,
              String(each.offsetBytes),
              bytes(each.lengthBytes),
            ]),
          ),
        )
      else if (info.problem === null) print('no partition table')
      if (info.problem !== null) print(`problem: ${info.problem}`)
    }
    return Promise.resolve(info.problem === null ? 0 : 1)
  },
}
