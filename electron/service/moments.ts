/**
 * Recorded runs at any moment: a thread that executes one of them again, for as long as that run is looked at. Another run takes its
 * place.
 */
import path from 'node:path'
import type { WorkspacePaths } from '../../db/workspace.ts'
import { clearTransientFiles, TRANSIENT } from './liveRuns.ts'
import type { MomentsCalls, MomentsData, MomentsSaid } from './protocol.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'

const MOMENTS_LIMITS = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 64 }

interface Followed {
  run: number
  thread: ThreadClient<MomentsCalls, MomentsSaid>
  transientPrefix: string
}

export class Moments {
  readonly #paths: WorkspacePaths
  readonly #send: (progress: MomentsSaid) => void
  #followed: Followed | null = null
  #threads = 0

  constructor(paths: WorkspacePaths, send: (progress: MomentsSaid) => void) {
    this.#paths = paths
    this.#send = send
  }

  /** The thread that executes a run again. */
  of(run: number): ThreadClient<MomentsCalls, MomentsSaid> {
    if (this.#followed?.run === run) return this.#followed.thread
    void this.end()
    const transientPrefix = `${TRANSIENT}${process.pid}-moments${++this.#threads}-`
    const data: MomentsData = { workspace: this.#paths.directory, run, transientPrefix }
    const thread = new ThreadClient<MomentsCalls, MomentsSaid>(threadUrls.moments, 'the thread that executes runs again', {
      data,
      limits: MOMENTS_LIMITS,
      onSaid: this.#send,
      onFailed: () => void this.end(),
    })
    this.#followed = { run, thread, transientPrefix }
    return thread
  }

  /** Ends the thread of a run that is removed, or whichever there is. */
  async end(run?: number): Promise<void> {
    const followed = this.#followed
    if (!followed || (run !== undefined && followed.run !== run)) return
    this.#followed = null
    await followed.thread.end()
    clearTransientFiles(path.resolve(this.#paths.overlays), followed.transientPrefix)
  }
}
