/** Types that components share with the views that use them. */

/** A column of DataTable. */
export interface Column<Row> {
  /** Also the name of the slot that fills its cells. */
  key: string
  label: string
  /** Right-aligned figures. */
  number?: boolean
  /** What the column sorts by; a column without it does not sort. */
  by?: (row: Row) => number | string
  /** CSS width. */
  width?: string
}

/** A choice of SelectField. */
export interface Choice {
  value: string
  label: string
  /** A sentence under the label. */
  meaning?: string
  disabled?: boolean
}
