/** A report as JSON for other programs: the runs with all that is known of them, and their samples as columns. */
import type { ReportInput } from './input.ts'

/**
 * Shape: {title, generatedAt, runs: [{letter, detail, samples: {rows, bucketNs, bucketsPerRow, beginNs, lengthNs, columns:
 * {NAME: {gauge, sum, min, max}}}}]}; the last five are arrays of `rows` numbers. A gauge's mean is its sum * bucketNs / lengthNs.
 */
export function reportJson(input: ReportInput): string {
  return `${JSON.stringify({
    title: input.title,
    generatedAt: input.generatedAt,
    runs: input.runs.map(({ letter, detail, samples }) => ({
      letter,
      detail,
      samples: {
        rows: samples.rows,
        bucketNs: samples.bucketNs,
        bucketsPerRow: samples.bucketsPerRow,
        beginNs: [...samples.begin],
        lengthNs: [...samples.length],
        columns: Object.fromEntries(
          samples.columns.map(({ name, gauge, sum, min, max }) => [
            name,
            { gauge, sum: [...sum], min: [...min], max: [...max] },
          ]),
        ),
      },
    })),
  })}\n`
}
