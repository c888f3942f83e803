import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { useConnection } from '../stores/connection.ts'
import { TestBridge, testTotals } from '../testing/testBridge.ts'
import TotalsStrip from './TotalsStrip.vue'

beforeEach(async () => {
  setActivePinia(createPinia())
  await useConnection().open(() => Promise.resolve(new TestBridge()))
})

const strip = (props: { selected?: boolean; whole?: boolean; verifies?: boolean; totals?: ReturnType<typeof testTotals> | null }) =>
  mount(TotalsStrip, {
    props: { totals: props.totals === undefined ? testTotals() : props.totals, span: { from: 0, to: 12e9 }, whole: props.whole ?? true, selected: props.selected ?? false, verifies: props.verifies ?? true },
  })

describe('the totals of a run', () => {
  it('shows each total with its unit, and the exact count for whoever asks', () => {
    const view = strip({})
    expect(view.get('[data-test="total-swapins"]').text()).toBe('Swapins11,55649,476 pages')
    expect(view.get('[data-test="total-faults"]').attributes('data-value')).toBe('37,520, and 8,841 on resident pages')
    expect(view.get('[data-test="total-device"]').text()).toContain('477 MiB')
  })
  it('says of what it is the total', () => {
    expect(strip({}).get('[data-test="total-references"]').text()).toContain('run of 12 s')
    expect(strip({ whole: false }).get('[data-test="total-references"]').text()).toContain('range of 12 s')
    expect(strip({ whole: false, selected: true }).get('[data-test="total-references"]').text()).toContain('selection of 12 s')
  })
  it('says that all bytes read were verified, or that contents are off', () => {
    expect(strip({}).get('[data-test="total-verified"]').text()).toContain('100 %')
    expect(strip({ verifies: false }).get('[data-test="total-verified"]').text()).toContain('off')
  })
  it('stays empty until there are totals', () => {
    expect(strip({ totals: null }).findAll('dt')).toHaveLength(0)
  })
})
