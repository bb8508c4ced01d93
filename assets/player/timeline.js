/** Which place of the music sounds at which frame of the audio context: straight on, or round and round a loop. */
export class Timeline {
  /** From `frame` on, play from `position`. `loop`: {start, stop} or null. Everything in frames. */
  constructor(frame, position, loop) {
    const isInside = loop !== null && position < loop.stop;
    this.loop = isInside ? loop : null;
    this.spans = [{ round: 0, frame, from: position, to: isInside ? loop.stop : Infinity }];
  }

  /** The spans that begin before `frame`; those that were over before `past` are forgotten. */
  until(frame, past = -Infinity) {
    const { spans, loop } = this;
    for (let last = spans.at(-1); loop && end(last) < frame; last = spans.at(-1)) {
      spans.push({ round: last.round + 1, frame: end(last), from: loop.start, to: loop.stop });
    }
    while (spans.length > 1 && end(spans[0]) < past) spans.shift();
    return spans;
  }

  /** The place that sounds at `frame`; before the first one, where it begins. */
  positionAt(frame) {
    let found = this.spans[0];
    for (const span of this.until(frame + 1)) if (span.frame <= frame) found = span;
    return found.from + Math.max(frame - found.frame, 0);
  }
}

function end(span) {
  return span.frame + span.to - span.from;
}
