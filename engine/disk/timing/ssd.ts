/** A solid-state disk on SATA: some channels behind a link of 550 MB/s. The model is flash.ts. */

import { flashModel } from './flash.ts'

export const ssd = flashModel('ssd', 'A solid-state disk on SATA.', {
  // With the page's 7.4 us on the link, a random read of 4 KiB takes about 80 us.
  readUs: 73,
  writeUs: 50,
  channels: 8,
  rate: 550,
})
