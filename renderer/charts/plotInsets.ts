/** Where the plot lies in a chart's canvas, in CSS pixels; what lies over it is placed by it. */
export const plotInsets = { left: 48, right: 10, top: 6, bottom: 18 } as const
