import { describe, expect, it } from 'vitest'
import { describeField } from './experimentFields.ts'

describe('what a field means', () => {
  it('comes from the schema, also inside lists and choices', () => {
    expect(describeField('machine.wired')).toContain('Frames that the kernel keeps for itself')
    expect(describeField('swap.devices[0].mode')).toContain('copy-on-write')
    expect(describeField('daemon.freeMin')).toContain('v_free_min')
    expect(describeField('processes[1].workload')).toBe('What the process does')
  })
  it('is empty for what the schema does not have', () => {
    expect(describeField('machine.nothing')).toBe('')
    expect(describeField('')).toBe('')
  })
})
