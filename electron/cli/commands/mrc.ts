/** pager mrc: LRU's misses at every memory size. */
import { curveSizes, knee } from '../../../engine/sim/replacement/missCurve.ts'
import { missCurve } from '../../service/simulation.ts'
import { commonHelp, onlyArgument, parse, positiveNumber, print, printJson, UsageError, wholeNumber, type Command } from '../command.ts'
import { count, ProgressLine, seconds, table } from '../terminal.ts'
import { frameCount, listOf, openTrace, streamHelp, streamOptions } from '../traceStream.ts'

const DEFAULT_POINTS = 65536
/** Lines of the table for people. */
const TABLE_POINTS = 24
/** Below this many pages a sample says little. */
const SAMPLE_PAGES_MIN = 256

export const mrc: Command = {
  help: `
pager mrc TRACE [options]

The misses of LRU at every memory size, from the stack distances of a memory trace (plain, .gz or .zst); and the knee: on
logarithmic scales the point farthest below the straight line between the curve's ends.

  --sampled RATE    from this share of the pages (0.01: one in a hundred), with the standard error of each count; for traces
                    that are too long for the exact curve
  --frames N,N,...  these sizes only, in pages or as N% of the footprint
  --points N        at most so many sizes, even in their logarithm; every size of up to ${DEFAULT_POINTS} where it is left out
${streamHelp}
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, {
      sampled: { type: 'string' },
      frames: { type: 'string' },
      points: { type: 'string', default: String(DEFAULT_POINTS) },
      ...streamOptions,
    })
    const trace = onlyArgument(positionals, 'trace file')
    const rate = values.sampled === undefined ? 1 : positiveNumber(values.sampled, '--sampled')
    if (rate > 1) throw new UsageError(`--sampled: ${rate} is more than all pages; a rate is above 0 and at most 1`)
    const pointsMax = wholeNumber(values.points, '--points', 2)
    const sizes = values.frames === undefined ? [] : listOf(values.frames, '--frames')
    for (const size of sizes) frameCount(size, 1)
    const stream = await openTrace(trace, values)
    const { referenceCount, pageCount } = stream
    const all = curveSizes(pageCount, pointsMax)
    const wanted = sizes.length === 0 ? all : [...new Set(sizes.map((size) => frameCount(size, pageCount)))].sort((a, b) => a - b)
    const line = new ProgressLine()
    const started = performance.now()
    // the knee is the whole curve's, whichever sizes are shown
    const found = await missCurve(stream, { rate }, [...wanted, ...all], {
      onProgress: (done) => line.show(`${count(done)} of ${count(referenceCount)} references`, done / referenceCount),
    }).finally(() => line.clear())
    const elapsed = (performance.now() - started) / 1000
    const curve = found.points.slice(0, wanted.length)
    const kneePoint = knee(found.points.slice(wanted.length)) ?? null
    if (values.json) {
      const sampling = rate < 1 ? { sampled: rate, sampledPages: found.sampledPages } : {}
      printJson({ trace, references: referenceCount, footprint: pageCount, seconds: elapsed, ...sampling, knee: kneePoint, curve })
      return 0
    }
    print(`${trace}: ${count(referenceCount)} references to ${count(pageCount)} pages, ${seconds(elapsed)}`)
    if (rate < 1) {
      print(`Estimated from ${count(found.sampledPages)} pages; ± is the standard error.`)
      if (found.sampledPages < SAMPLE_PAGES_MIN) print('So few pages say little: take a higher rate, or the exact curve.')
    }
    print('')
    const shown = sizes.length > 0 ? new Set(wanted) : new Set([...curveSizes(pageCount, TABLE_POINTS), kneePoint?.frames])
    print(
      table(
        ['frames#', 'of footprint#', 'misses#', ...(rate < 1 ? ['±#'] : []), 'of references#', ''],
        curve
          .filter(({ frames }) => shown.has(frames))
          .map(({ frames, misses, error }) => [
            count(frames),
            `${((100 * frames) / Math.max(1, pageCount)).toFixed(2)} %`,
            count(misses),
            ...(rate < 1 ? [count(error ?? 0)] : []),
            `${((100 * misses) / Math.max(1, referenceCount)).toFixed(3)} %`,
            frames === kneePoint?.frames ? 'knee' : '',
          ]),
      ),
    )
    return 0
  },
}
