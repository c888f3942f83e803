/**
 * The numbers below `count` in an order that is spread over all of them from the beginning: the first, then what lies halfway, then what
 * lies in the middle of the halves, and so on.
 */
export function spreadOrder(count: number): number[] {
  const order: number[] = []
  let step = 1
  while (step < count) step *= 2
  if (count > 0) order.push(0)
  for (; step > 1; step /= 2) for (let at = step / 2; at < count; at += step) order.push(at)
  return order
}
