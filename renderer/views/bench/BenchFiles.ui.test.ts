import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineComponent, h, renderSlot } from 'vue'
import ImageContents from '../../components/ImageContents.vue'
import { newExperiment, useBench } from '../../stores/bench.ts'
import { startStores } from '../../stores/start.ts'
import { TestBridge } from '../../testing/testBridge.ts'
import BenchFiles from './BenchFiles.vue'

const shell = defineComponent({
  setup:
    (_props, { slots }) =>
    () =>
      h('div', [renderSlot(slots, 'default'), renderSlot(slots, 'footer')]),
})

let bridge: TestBridge
let view: VueWrapper
let bench: ReturnType<typeof useBench>
const files = () => bench.draft?.files ?? null

beforeEach(async () => {
  setActivePinia(createPinia())
  window.location.hash = '#/bench'
  bridge = new TestBridge()
  await startStores(() => Promise.resolve(bridge))
  bench = useBench()
  bench.begin(newExperiment())
  view = mount(BenchFiles, {
    attachTo: document.body,
    global: { stubs: { ElTooltip: shell, ElSelect: true, ElDialog: shell } },
  })
  await flushPromises()
})
afterEach(() => {
  view.unmount()
  // a check that is still to come would make these stores the active ones in the midst of the next test
  bench.close()
})

describe('files on the bench', () => {
  it('come without a pager, until a kernel is chosen; the choice of another kernel keeps the rest', async () => {
    expect(files()).toBeNull()
    expect(view.get('[data-test="pager-none"]').attributes('aria-pressed')).toBe('true')
    await view.get('[data-test="pager-netbsd"]').trigger('click')
    expect(files()).toMatchObject({ pager: 'netbsd', image: null, mapping: 'private', blockSize: 16384 })
    await view.get('[data-test="mapping-shared"]').trigger('click')
    await view.get('[data-test="pager-dragonfly"]').trigger('click')
    expect(files()).toMatchObject({ pager: 'dragonfly', mapping: 'shared' })
    await view.get('[data-test="pager-none"]').trigger('click')
    expect(files()).toBeNull()
  })

  it('are chosen on an image by going through its directories', async () => {
    await view.get('[data-test="pager-freebsd"]').trigger('click')
    if (bench.draft?.files) Object.assign(bench.draft.files, { image: 'disk.img', partition: 0 })
    await flushPromises()
    await view.get('[data-test="files-browse"]').trigger('click')
    await flushPromises()
    const dialog = view.getComponent(ImageContents)
    await dialog
      .findAll('button')
      .find((button) => button.text() === 'etc/')
      ?.trigger('click')
    await flushPromises()
    expect(dialog.get('[data-test="folder"]').text()).toBe('/etc')
    await dialog.get('[data-test="choose-fstab"]').trigger('click')
    expect(files()).toMatchObject({ image: 'disk.img', partition: 0, path: 'etc/fstab' })
    expect(bridge.asked.filter(({ method }) => method === 'images.directory').map(({ params }) => params)).toEqual([
      { name: 'disk.img', partition: 0, path: '/' },
      { name: 'disk.img', partition: 0, path: '/etc' },
    ])
  })
})
