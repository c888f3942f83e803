/** Every upgrader, oldest first. Changing the schema is adding a file and a line here. */
import { initial } from './0001-initial.ts'
import { withKernelView } from './0002-kernelView.ts'
import { withPageIndex } from './0003-pageIndex.ts'
import { withRecordings } from './0004-recordings.ts'
import { withSettings } from './0005-settings.ts'
import { withSweeps } from './0006-sweeps.ts'
import { withFileImage } from './0007-fileImage.ts'
import { withWorkloadVerbs } from './0008-workloadVerbs.ts'
import { withTallies } from './0009-tallies.ts'
import { withObjects } from './0010-objects.ts'
import { withGivenUpMemory } from './0011-givenUpMemory.ts'
import type { Migration } from './migration.ts'

export const migrations: readonly Migration[] = [
  initial,
  withKernelView,
  withPageIndex,
  withRecordings,
  withSettings,
  withSweeps,
  withFileImage,
  withWorkloadVerbs,
  withTallies,
  withObjects,
  withGivenUpMemory,
]
