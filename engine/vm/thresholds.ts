/**
 * The free page thresholds. Source: FreeBSD vm_pageout.c, vm_pageout_init_domain() and vm_pageout_init(), which compute
 * them from the machine's frames.
 */
import { ExperimentError, type Experiment } from '../sim/experiment.ts'

export interface Thresholds {
  /** vm.stats.vm.v_free_reserved: ordinary allocations stop here. */
  freeReserved: number
  /** vm.v_free_min: below it processes wait for memory. */
  freeMin: number
  /** vm.v_free_target: what the page daemon steers to. */
  freeTarget: number
  /** vm.v_free_severe */
  freeSevere: number
  /** vm.v_inactive_target */
  inactiveTarget: number
  /** vm.pageout_wakeup_thresh: below it the page daemon is woken. */
  pageoutWakeup: number
  /** Pages a background laundering goes for. */
  backgroundLaunderTarget: number
  /** vm.pageout_page_count */
  pageoutCluster: number
}

const MAXBSIZE = 65536
const INTERRUPT_FREE_MIN = 2

/** Thresholds of a machine; those that the experiment gives win. Throws ExperimentError for a machine too small for them. */
export function computeThresholds(experiment: Experiment): Thresholds {
  const { daemon, machine } = experiment
  const frames = machine.frames
  const isKernel = daemon.policy === 'freebsd'
  const pageoutCluster = frames < 2000 && isKernel ? Math.min(8, daemon.pageoutCluster) : daemon.pageoutCluster
  const pageoutFreeMin = (2 * MAXBSIZE) / 4096 + INTERRUPT_FREE_MIN
  const kernelReserved = pageoutCluster + pageoutFreeMin + Math.floor(frames / 768)
  const kernelMin = Math.floor(frames / 200)
  const freeReserved = daemon.freeReserved ?? (isKernel ? kernelReserved : 0)
  const freeMin = daemon.freeMin ?? (isKernel ? kernelMin + freeReserved : 0)
  const freeTarget = daemon.freeTarget ?? (isKernel ? 4 * kernelMin + freeReserved : 0)
  const free = frames - machine.wired
  const inactiveTarget =
    daemon.inactiveTarget ?? (isKernel ? Math.min(Math.floor((3 * freeTarget) / 2), Math.floor(free / 3)) : 0)
  if (machine.wired >= frames)
    throw new ExperimentError(
      'machine-too-small',
      'machine.wired',
      `${machine.wired} wired pages leave nothing of ${frames} frames`,
    )
  if (freeMin < freeReserved)
    throw new ExperimentError(
      'thresholds',
      'daemon.freeMin',
      `${freeMin} pages is below freeReserved, which is ${freeReserved}`,
    )
  if (freeTarget < freeMin)
    throw new ExperimentError(
      'thresholds',
      'daemon.freeTarget',
      `${freeTarget} pages is below freeMin, which is ${freeMin}`,
    )
  if (free <= freeTarget)
    throw new ExperimentError(
      'machine-too-small',
      'machine.frames',
      `${frames} frames, ${machine.wired} of them wired, are too few for a free target of ${freeTarget} pages; more than ${freeTarget + machine.wired} are needed, or smaller thresholds`,
    )
  return {
    freeReserved,
    freeMin,
    freeTarget,
    freeSevere: Math.floor((freeMin - freeReserved) / 2) + freeReserved,
    inactiveTarget,
    pageoutWakeup: isKernel ? Math.floor(freeTarget / 10) * 9 : freeMin,
    backgroundLaunderTarget: Math.floor((freeTarget - freeMin) / 10),
    pageoutCluster,
  }
}
