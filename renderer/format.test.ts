import { describe, expect, it } from 'vitest'
import {
  decimalsOf,
  exactSize,
  fileNameOf,
  formatBytes,
  formatCount,
  formatDifference,
  formatDuration,
  formatHex,
  formatMoment,
  formatMomentExact,
  formatPages,
  formatPercent,
  formatRange,
  formatRatio,
  formatSi,
  formatWhen,
  parseNumber,
  plural,
  shortDigest,
} from './format.ts'

describe('numbers', () => {
  it('groups counts by thousands', () => {
    expect(formatCount(84868721)).toBe('84,868,721')
    expect(formatCount(NaN)).toBe('–')
  })
  it('shortens large numbers to three digits and a prefix', () => {
    expect(formatSi(41234567)).toBe('41.2 M')
    expect(formatSi(9999)).toBe('9,999')
    expect(formatSi(12345)).toBe('12.3 k')
    expect(formatSi(0.01234)).toBe('0.0123')
    expect(formatSi(-2.5e9)).toBe('-2.5 G')
    expect(formatSi(0)).toBe('0')
  })
  it('writes shares, ratios and differences with their signs', () => {
    expect(formatPercent(0.232)).toBe('23.2 %')
    expect(formatPercent(1)).toBe('100 %')
    expect(formatRatio(1.553)).toBe('1.55×')
    expect(formatDifference(1204)).toBe('+1,204')
    expect(formatDifference(-38)).toBe('−38')
    expect(formatDifference(0)).toBe('0')
  })
  it('reads numbers as people type them and refuses the rest', () => {
    expect(parseNumber(' 8,192 ')).toBe(8192)
    expect(parseNumber('.5')).toBe(0.5)
    expect(parseNumber('1e3')).toBeNaN()
    expect(parseNumber('')).toBeNaN()
    expect(parseNumber('12 pages')).toBeNaN()
  })
})

describe('sizes and times', () => {
  it('uses binary units for bytes and pages', () => {
    expect(formatBytes(500170752)).toBe('477 MiB')
    expect(formatBytes(512)).toBe('512 B')
    expect(formatBytes(1536)).toBe('1.5 KiB')
    expect(formatPages(8192)).toBe('32 MiB')
  })
  it('writes sizes exactly, with the largest unit that divides them', () => {
    expect(exactSize(67108864)).toBe('64 MiB')
    expect(exactSize(12288)).toBe('12 KiB')
    expect(exactSize(5000)).toBe('5000 B')
  })
  it('picks the unit of a duration by its length', () => {
    expect(formatDuration(812)).toBe('812 ns')
    expect(formatDuration(4120)).toBe('4.12 µs')
    expect(formatDuration(8_310_000)).toBe('8.31 ms')
    expect(formatDuration(148_312_000_000)).toBe('148 s')
    expect(formatDuration(724e9)).toBe('12 min 4 s')
    expect(formatDuration(7_500e9)).toBe('125 min 0 s')
    expect(formatDuration(40_000e9)).toBe('11 h 7 min')
  })
  it('writes moments to the millisecond, and exactly to the nanosecond', () => {
    expect(formatMoment(148_312_400_000)).toBe('148.312 s')
    expect(formatMomentExact(91_193_132_004)).toBe('91.193 132 004')
  })
  it('says a range in the unit of its length', () => {
    expect(formatRange(58e9, 104e9)).toBe('58.0 – 104.0 s (46 s)')
    expect(formatRange(91_160e6, 91_240e6)).toBe('91,160.0 – 91,240.0 ms (80 ms)')
  })
  it('gives as many decimals as tell two ticks apart', () => {
    expect(decimalsOf(0.5)).toBe(1)
    expect(decimalsOf(20)).toBe(0)
    expect(decimalsOf(0.001)).toBe(3)
    expect(decimalsOf(0)).toBe(0)
  })
  it('says today without the date, and another day with it', () => {
    const now = new Date(2026, 10, 21, 15, 0)
    expect(formatWhen(new Date(2026, 10, 21, 14, 2).toISOString(), now)).toBe('today 14:02')
    expect(formatWhen(new Date(2026, 1, 3, 9, 5).toISOString(), now)).toBe('3 Feb, 09:05')
    expect(formatWhen('nonsense', now)).toBe('–')
  })
})

describe('names', () => {
  it('shortens digests and writes page indices in hexadecimal', () => {
    expect(shortDigest('0123456789abcdef')).toBe('0123456789ab')
    expect(shortDigest('')).toBe('–')
    expect(formatHex(418)).toBe('0x1a2')
    expect(formatHex(-1)).toBe('–')
  })
  it('agrees nouns with their counts', () => {
    expect(plural(1, 'run')).toBe('1 run')
    expect(plural(1200, 'run')).toBe('1,200 runs')
  })
  it('makes file names that every system takes', () => {
    expect(fileNameOf('Two disks: 32 MiB/64 MiB')).toBe('Two-disks-32-MiB-64-MiB')
    expect(fileNameOf('../..')).toBe('untitled')
  })
})
