/** For commands that use what a workspace has: they must not make an empty one where a path was mistyped. */
import { existsSync } from 'node:fs'
import { workspacePaths } from '../../db/workspace.ts'
import { UsageError } from './command.ts'

export function requireWorkspace(directory: string): void {
  const paths = workspacePaths(directory)
  if (!existsSync(paths.database)) throw new UsageError(`there is no workspace in ${paths.directory} (it has no workbench.sqlite)`)
}
