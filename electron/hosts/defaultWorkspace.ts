/** Where traces, images and runs are kept unless --workspace says otherwise: PAGER_WORKSPACE, else ~/PagerWorkbench. */
import os from 'node:os'
import path from 'node:path'

export function defaultWorkspace(): string {
  const named = process.env.PAGER_WORKSPACE
  return named ? path.resolve(named) : path.join(os.homedir(), 'PagerWorkbench')
}
