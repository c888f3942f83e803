/**
 * The known defects of the swap pager's source: places where the kernel's code loses something, counts wrongly or never ends.
 *
 * Each is `faithful` unless the experiment lists it as repaired: then it is as its authors must have meant it. Every time one is triggered the
 * machine records an event. verify runs with all of them faithful.
 */
export interface Defect {
  /** The kernel's routine. */
  routine: string
  /** What goes wrong. */
  faithful: string
  /** What happens instead where it is repaired. */
  repaired: string
}

export const swapDefects = {
  'allocator-livelock': {
    routine: 'swp_pager_getswapspace',
    faithful: 'A search that began at the first device, and finds no run that is long enough, goes round for ever.',
    repaired: 'The search comes round to where it began and asks for half.',
  },
  'token-gain': {
    routine: 'swap_pager_putpages',
    faithful: 'A synchronous pageout that finds no space gives back an asynchronous write token that it never took.',
    repaired: 'Only a token that was taken is given back.',
  },
  'reserve-leak': {
    routine: 'swap_pager_reserve',
    faithful:
      'A reserve that fails forgets the run of replaced blocks that it has not freed yet: they belong to nobody.',
    repaired: 'The run is freed.',
  },
  'swap-count-start': {
    routine: 'vmspace_swap_count',
    faithful: 'Blocks in a metadata node that begins before a map entry are not counted for it.',
    repaired: 'The search begins with the node that holds the first page.',
  },
  'limit-units': {
    routine: 'swap_reserve_by_cred_rlimit',
    faithful: "A user's swap in pages is compared with a limit in bytes, so that the limit is 4096 times what was set.",
    repaired: 'Both are bytes.',
  },
  'read-error-busy': {
    routine: 'swp_pager_async_iodone',
    faithful: 'Pages that were read along stay busy and invalid for ever when the read fails.',
    repaired: 'They are freed.',
  },
  'swapoff-whole-device': {
    routine: 'swapoff_one',
    faithful:
      'Swapoff is refused unless free memory and other swap could take the whole device, however little of it is used.',
    repaired: 'What is used of it counts.',
  },
  'orphan-available': {
    routine: 'swapgeom_orphan',
    faithful: 'The free blocks of a device that has gone still count as available.',
    repaired: 'They do not.',
  },
} as const satisfies Record<string, Defect>

export type SwapDefect = keyof typeof swapDefects

export const swapDefectNames = Object.keys(swapDefects) as SwapDefect[]
