/** A solid-state disk on PCI Express: many channels behind a fast link. The model is flash.ts. */

import { flashModel } from './flash.ts'

export const nvme = flashModel('nvme', 'A solid-state disk on PCI Express (NVMe).', {
  readUs: 65,
  writeUs: 15,
  channels: 32,
  rate: 3500,
})
