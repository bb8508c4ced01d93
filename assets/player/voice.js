/**
 * What one lane sounds from one start of playing on: its buffers, each at its own frame, behind a gain for the joints of
 * a loop and a gain for the end. Knows nothing of files and of other lanes.
 */
import { FADE_SECONDS, FALL, RISE } from "./ramps.js";

export class Voice {
  constructor(context, target) {
    this.context = context;
    this.rate = context.sampleRate;
    this.joint = new GainNode(context);
    this.end = new GainNode(context);
    this.joint.connect(this.end).connect(target);
    this.placed = new Map(); // key of a piece → up to which frame of its stretch it is scheduled
    this.dips = new Set();
    this.nodes = new Set();
    this.isBegun = this.isStopped = false;
    this.busyUntil = -1; // seconds; ramps of one gain must not overlap
  }

  /**
   * Sound frames `from` to `to` of a buffer at frame `frame` of the context. A part becomes a buffer of its own:
   * offsets and durations in seconds would be rounded, and a joint could lose a frame.
   */
  place(buffer, from, to, frame, isSoft) {
    if (isSoft && !this.isBegun) this.ramp(RISE, frame / this.rate);
    this.isBegun = true;
    const node = new AudioBufferSourceNode(this.context, { buffer: cut(buffer, from, to) });
    node.connect(this.joint);
    node.start(frame / this.rate);
    this.nodes.add(node);
    node.onended = () => {
      node.disconnect();
      this.nodes.delete(node);
      if (this.isStopped && this.nodes.size === 0) this.end.disconnect();
    };
  }

  placedUntil(key, otherwise) {
    return Math.max(this.placed.get(key) ?? 0, otherwise);
  }

  /** Where a loop jumps back: out before the jump, in after it. */
  dip(round, frame) {
    if (this.dips.has(round)) return;
    this.dips.add(round);
    const seconds = frame / this.rate;
    this.ramp(FALL, seconds - FADE_SECONDS);
    this.ramp(RISE, seconds);
  }

  ramp(curve, seconds) {
    if (seconds < Math.max(this.context.currentTime, this.busyUntil)) return;
    this.joint.gain.setValueCurveAtTime(curve, seconds, FADE_SECONDS);
    this.busyUntil = seconds + FADE_SECONDS - 1e-9;
  }

  /** Fade out at `seconds` and let go of everything. */
  stop(seconds) {
    this.end.gain.setValueCurveAtTime(FALL, seconds, FADE_SECONDS);
    this.isStopped = true;
    for (const node of this.nodes) node.stop(seconds + 2 * FADE_SECONDS);
  }
}

function cut(buffer, from, to) {
  if (from === 0 && to === buffer.length) return buffer;
  const { numberOfChannels, sampleRate } = buffer;
  const part = new AudioBuffer({ length: to - from, numberOfChannels, sampleRate });
  for (let channel = 0; channel < numberOfChannels; channel += 1) {
    part.copyToChannel(buffer.getChannelData(channel).subarray(from, to), channel);
  }
  return part;
}
