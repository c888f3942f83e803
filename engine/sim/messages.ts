/**
 * Console messages: their id, level, the kernel's routine that prints them, and what they say, in words of ours.
 */
import { swapDefectNames, swapDefects } from '../swap/defects.ts'
import { verbNames } from '../workload/verbs.ts'
import { vnodeMessages } from '../vnode/messages.ts'

export type MessageLevel = 'info' | 'warning' | 'error'

export interface MachineMessage {
  /** Virtual ns. */
  time: number
  level: MessageLevel
  id: string
  routine: string
  text: string
}

interface MessageDefinition {
  level: MessageLevel
  routine: string
  text: (a: number, b: number, c: number) => string
}

/** Messages by id. The number of a message in a trace is its place here. */
export const messageDefinitions: Readonly<Record<string, MessageDefinition>> = {
  'swap-out-of-space': { level: 'warning', routine: 'swp_sizecheck', text: () => 'Swap space is almost used up.' },
  'swap-get-failed': {
    level: 'error',
    routine: 'swp_pager_getswapspace',
    text: (a) => `No swap space for a pageout of ${a} pages.`,
  },
  'swap-above-recommended': {
    level: 'warning',
    routine: 'swapon_check_swzone',
    text: (a, b) => `Swap of ${a} pages is more than the ${b} pages that the metadata zone can well serve.`,
  },
  'swap-increase-zone': {
    level: 'warning',
    routine: 'swapon_check_swzone',
    text: () => 'Raise kern.maxswzone or use less swap.',
  },
  'swap-pagein-error': {
    level: 'error',
    routine: 'swp_pager_async_iodone',
    text: (a, b, c) => `A pagein of ${b} bytes at block ${a} failed with errno ${c}.`,
  },
  'swap-pageout-error': {
    level: 'error',
    routine: 'swp_pager_async_iodone',
    text: (a, b, c) => `A pageout of ${b} bytes at block ${a} failed with errno ${c}.`,
  },
  'swap-no-bio': {
    level: 'error',
    routine: 'swapgeom_strategy',
    text: () => 'There was no memory for an I/O request.',
  },
  'swap-zone-exhausted': {
    level: 'error',
    routine: 'swp_pager_meta_build',
    text: () => 'The zone of swap metadata nodes is exhausted; raise kern.maxswzone.',
  },
  'swap-zone-ok': {
    level: 'info',
    routine: 'swp_pager_meta_build',
    text: () => 'The zone of swap metadata nodes has room again.',
  },
  'swap-trie-exhausted': {
    level: 'error',
    routine: 'swp_pager_meta_build',
    text: () => 'The zone of swap trie nodes is exhausted; raise kern.maxswzone.',
  },
  'swap-trie-ok': {
    level: 'info',
    routine: 'swp_pager_meta_build',
    text: () => 'The zone of swap trie nodes has room again.',
  },
  'swap-off-refused': {
    level: 'error',
    routine: 'swapoff_one',
    text: (a) => `Swapoff of device ${a} is refused: memory and the rest of swap could not take its pages.`,
  },
  'swap-on-failed': {
    level: 'error',
    routine: 'sys_swapon',
    text: (a, b) => `Swapon of device ${a} failed with errno ${b}.`,
  },
  'swap-reserve-failed': {
    level: 'warning',
    routine: 'swap_reserve_by_cred',
    text: (a, b) => `User ${a} was refused a reservation of ${b} bytes of swap.`,
  },
  'swap-on': { level: 'info', routine: 'sys_swapon', text: (a, b) => `Device ${a} is swapped on: ${b} pages.` },
  'swap-off': { level: 'info', routine: 'sys_swapoff', text: (a) => `Device ${a} is swapped off.` },
  ...vnodeMessages,
  'swap-indefinite-wait': {
    level: 'warning',
    routine: 'swap_pager_getpages_locked',
    text: (a, b) => `A page has been on its way in for more than 20 s: page ${b} of object ${a}.`,
  },
  'oom-ranking': {
    level: 'info',
    routine: 'vm_pageout_oom',
    text: (a, b) => `Process ${a} would free ${b} pages.`,
  },
  'process-killed': {
    level: 'error',
    routine: 'vm_pageout_oom',
    text: (a, b, c) =>
      `Process ${a} was killed to free ${b} pages: ${['memory ran out', 'swap metadata ran out', 'a fault waited 30 s for memory', 'nobody could go on'][c] ?? ''}.`,
  },
  defect: {
    level: 'info',
    routine: 'defect',
    text: (a) => {
      const name = swapDefectNames[a]
      return name === undefined
        ? 'A known defect.'
        : `Defect ${name} (${swapDefects[name].routine}): ${swapDefects[name].faithful}`
    },
  },
  'call-failed': {
    level: 'warning',
    routine: 'syscall',
    text: (a, b, c) => `Process ${a}: ${verbNames[c] ?? 'a call'} failed with errno ${b}.`,
  },
  'process-signal': {
    level: 'error',
    routine: 'trap_pfault',
    text: (a) => `Process ${a} was sent a signal: a page it needs cannot be had.`,
  },
}

export const messageIds = Object.keys(messageDefinitions)

export function makeMessage(time: number, id: string, a: number, b: number, c: number): MachineMessage {
  const definition = messageDefinitions[id]
  if (definition === undefined) throw new Error(`no message ${id}`)
  return { time, level: definition.level, id, routine: definition.routine, text: definition.text(a, b, c) }
}
