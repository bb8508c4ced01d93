/** Which part of the time axis is in view. Seconds; arithmetic only. */
export const SHORTEST = 0.05;

/** `seconds` long around `middle`, kept inside `whole`. */
export function around(whole, middle, seconds, share = 0.5) {
  const length = Math.min(Math.max(seconds, SHORTEST), whole.stop - whole.start);
  const start = Math.min(Math.max(middle - share * length, whole.start), whole.stop - length);
  return { start, stop: start + length };
}

/** Closer (factor below 1) or farther; what is at `anchor` stays where it is. */
export function zoomed(whole, view, factor, anchor) {
  const seconds = view.stop - view.start;
  return around(whole, anchor, seconds * factor, (anchor - view.start) / seconds);
}

/** What a view shows once the playhead has left it: the next page. */
export function turned(whole, view, position) {
  return around(whole, position, view.stop - view.start, 0.05);
}
