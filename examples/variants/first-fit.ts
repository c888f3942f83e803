/**
 * First-fit in place of next-fit: every search for swap blocks begins at the head of the device.
 *
 * The kernel goes on where its last run ended, so successive pageouts lie one behind the other and the whole device is
 * used in turn. First-fit keeps to the low blocks and fills the holes there first: the area in use stays small,
 * which a disk that seeks likes, but runs are cut up by what was freed before.
 *
 *   npx pager run examples/demo.json --variant examples/variants/first-fit.ts
 *   npx pager verify test/conformance/swap/*.jsonl.gz --variant examples/variants/first-fit.ts
 */
import type { PagerVariant } from '../../engine/swap/variant.ts'

const firstFit: PagerVariant = {
  name: 'first-fit',
  description: 'The search for swap blocks begins at the head of the device each time.',
  searchStart: () => 0,
}

export default firstFit
