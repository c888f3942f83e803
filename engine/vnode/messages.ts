/**
 * What the vnode pagers' messages say, in words of ours, and the kernel's routine that prints them. An id is the kernel's name and the
 * id that its pager gives; the figures are those of `message` in its host.ts. NetBSD's pager prints none.
 */
interface MessageText {
  level: 'warning' | 'error'
  /** The kernel's routine. */
  routine: string
  text: (a: number, b: number, c: number) => string
}

export const vnodeMessages: Readonly<Record<string, MessageText>> = {
  'freebsd-vnode-read-error': {
    level: 'error',
    routine: 'vnode_pager_generic_getpages',
    text: (a, b) => `A pagein of vnode ${a} at byte ${b} failed.`,
  },
  'freebsd-vnode-put-metadata': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b) => `A pageout of vnode ${a} begins at page ${b}, which stands for metadata; nothing is written.`,
  },
  'freebsd-vnode-write-error': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b) => `A pageout of vnode ${a} failed with errno ${b}.`,
  },
  'freebsd-vnode-write-residual': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b) => `A pageout of vnode ${a} left ${b} bytes unwritten.`,
  },
  'dragonfly-vnode-object-size-mismatch': {
    level: 'warning',
    routine: 'vnode_pager_alloc',
    text: (a, b, c) => `The object of vnode ${a} has ${b} pages, but its file would need ${c}.`,
  },
  'dragonfly-vnode-file-size-mismatch': {
    level: 'warning',
    routine: 'vnode_pager_alloc',
    text: (a, b, c) => `Vnode ${a} is known to have ${b} bytes, but its file system says ${c}.`,
  },
  'dragonfly-vnode-page-not-read': {
    level: 'error',
    routine: 'vnode_pager_generic_getpages',
    text: (a, b) => `Page ${b} of object ${a} is still invalid after a read without an error.`,
  },
  'dragonfly-vnode-read-error': {
    level: 'error',
    routine: 'vnode_pager_generic_getpages',
    text: (a, b, c) => `A pagein of vnode ${a} at page ${b} failed with errno ${c}.`,
  },
  'dragonfly-vnode-put-stale': {
    level: 'warning',
    routine: 'vnode_pager_putpages',
    text: (a) => `The file system of vnode ${a} cannot put pages itself.`,
  },
  'dragonfly-vnode-put-metadata': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b) => `A pageout of vnode ${a} begins at page ${b}, which stands for metadata; nothing is written.`,
  },
  'dragonfly-vnode-write-error': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b, c) => `A pageout of vnode ${a} at page ${b} failed with errno ${c}.`,
  },
  'dragonfly-vnode-write-residual': {
    level: 'error',
    routine: 'vnode_pager_generic_putpages',
    text: (a, b, c) => `A pageout of vnode ${a} at page ${b} left ${c} bytes unwritten.`,
  },
  'dragonfly-vnode-lock-retry': {
    level: 'warning',
    routine: 'vnode_pager_lock',
    text: (a, b) => `Vnode ${a} could not be locked (errno ${b}); it is tried again in a second.`,
  },
}
