/**
 * What the pager's messages say, in words of ours, and the kernel's routine that prints them.
 */
import type { VnodeMessageId } from './host.ts'

interface MessageText {
  level: 'warning' | 'error'
  /** The kernel's routine. */
  routine: string
  /** The figures are those of `message` in host.ts. */
  text: (a: number, b: number, c: number) => string
}

export const vnodeMessages: { readonly [id in VnodeMessageId]: MessageText } = {
  'vnode-object-size-mismatch': {
    level: 'warning',
    routine: 'vnode_pager_alloc',
    text: (a, b, c) => `The object of vnode ${a} has ${b} pages, but its file would need ${c}.`,
  },
  'vnode-file-size-mismatch': {
    level: 'warning',
    routine: 'vnode_pager_alloc',
    text: (a, b, c) => `Vnode ${a} is known to have ${b} bytes, but its file system says ${c}.`,
  },
  'vnode-page-not-read': {
    level: 'error',
    routine: 'vnode_pager_generic_getpages',
    text: (a, b) => `Page ${b} of object ${a} is still invalid after a read without an error.`,
  },
  'vnode-read-error': {
    level: 'error',
    routine: 'vnode_pager_generic_getpages',
    text: (a, b, c) => `A pagein of vnode ${a} at page ${b} failed with errno ${c}.`,
  },
  'vnode-put-stale': {
    level: 'warning',
    routine: 'vnode_pager_putpages',
    text: (a) => `The file system of vnode ${a} cannot put pages itself.`,
  },
  'vnode-put-metadata': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b) => `A pageout of vnode ${a} begins at page ${b}, which stands for metadata; nothing is written.`,
  },
  'vnode-write-error': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b, c) => `A pageout of vnode ${a} at page ${b} failed with errno ${c}.`,
  },
  'vnode-write-residual': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b, c) => `A pageout of vnode ${a} at page ${b} left ${c} bytes unwritten.`,
  },
  'vnode-lock-retry': {
    level: 'warning',
    routine: 'vnode_pager_lock',
    text: (a, b) => `Vnode ${a} could not be locked (errno ${b}); it is tried again in a second.`,
  },
}
