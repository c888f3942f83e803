/** How a command gets at a workspace: as its owner, through its owner, or as a reader. */
import { openWorkspace, workspacePaths, type Workspace } from '../../db/workspace.ts'
import { ContractError } from '../contract/contract.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { RemoteWorkbench } from '../service/owner.ts'
import { createWorkbench, type Workbench } from '../service/workbench.ts'
import { note } from './command.ts'

/**
 * Does something with a workspace's workbench and closes it again. Where another process has the workspace open, the requests
 * go there. Throws what createWorkbench throws, and ContractError `other-version`.
 */
export async function withWorkbench<T>(workspace: string, body: (workbench: Workbench) => Promise<T>): Promise<T> {
  const workbench = await open(workspace)
  try {
    return await body(workbench)
  } finally {
    await workbench.close()
  }
}

async function open(workspace: string): Promise<Workbench> {
  try {
    return await createWorkbench({ workspace, host: 'command', onNote: note })
  } catch (error) {
    if (errorShape(error).code !== 'owned') throw error
    const paths = workspacePaths(workspace)
    try {
      return await RemoteWorkbench.connect(paths)
    } catch (why) {
      // the lock says more about a foreign owner than a socket that is not there
      if (errorShape(why).code === 'other-version') throw why
      throw error
    }
  }
}

/** A workspace for reading only: works beside its owner, and makes nothing. */
export function withReader<T>(workspace: string, body: (workspace: Workspace) => T): T {
  const reader = openWorkspace(workspace, { readOnly: true })
  try {
    return body(reader)
  } finally {
    reader.close()
  }
}

/** A run's number as people write it. */
export function runNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new ContractError({ code: 'usage', message: `"${text}" is no number of a run; "pager runs" lists them` })
}
