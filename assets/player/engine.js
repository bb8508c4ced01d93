/**
 * Several lanes of sound on one clock. All of them run all the time; which one is heard is a matter of gains, so a switch
 * has no gap and stays at the same place. Works in any BaseAudioContext: tests render it offline.
 *
 *   buffers at their frames → Voice → level (loudness) → choice (heard or not) → master (volume) → output
 *
 * Times are frames of the context. A position is a frame on the time axis that all lanes share; a lane begins at its
 * `shift` on it. Knows no pages and draws nothing.
 */
import { decibelsToGain, FALL, RISE, SWITCH_SECONDS } from "./ramps.js";
import { Stretches } from "./stretches.js";
import { Timeline } from "./timeline.js";
import { Voice } from "./voice.js";
import { WavSource } from "./wav.js";

const HORIZON_SECONDS = 3; // scheduled ahead; timers of hidden pages run once a second
const START_SECONDS = 0.03;
const JOIN_SECONDS = 0.02;
const SMOOTH_SECONDS = 0.01;

export class Engine {
  /** `onChange()`: state or position changed by itself. `onError(error)`: some sound could not be loaded. */
  constructor(context, { output = context.destination, onChange = () => {}, onError = () => {} } = {}) {
    this.context = context;
    this.rate = context.sampleRate;
    this.master = new GainNode(context);
    this.master.connect(output);
    this.onChange = onChange;
    this.onError = onError;
    this.lanes = new Map();
    this.chosen = null;
    this.wanted = null; // to be heard as soon as its sound is here
    this.state = "paused"; // paused | waiting (for sound) | playing
    this.position = 0; // unless playing
    this.loop = null;
    this.timeline = null;
    this.rampEnd = 0;
  }

  get now() {
    return Math.ceil(this.context.currentTime * this.rate);
  }

  /** Where the music ends, as far as it is known. */
  get end() {
    return Math.max(0, ...[...this.lanes.values()].map((lane) => lane.shift + lane.stretches.length));
  }

  /** The position now; `latency`: seconds between the graph and the ear. */
  positionNow(latency = 0) {
    if (this.state !== "playing") return this.position;
    return this.timeline.positionAt((this.context.currentTime - latency) * this.rate);
  }

  /**
   * The lanes: [{id, url, content, grows, shift, gain}], `shift` in seconds, `gain` in dB. Lanes that are the same stay
   * as they are and go on sounding; `content` tells, because addresses may change.
   */
  setLanes(wanted) {
    const ids = new Set(wanted.map((lane) => lane.id));
    for (const [id, lane] of this.lanes) if (!ids.has(id)) this.remove(lane);
    for (const each of wanted) {
      const lane = this.lanes.get(each.id);
      if (lane) this.update(lane, each);
      else this.add(each);
    }
    if (!this.lanes.has(this.chosen)) {
      this.chosen = null;
      if (wanted.length) this.choose(wanted[0].id);
    }
    this.pump();
  }

  add({ id, url, content, grows, shift, gain }) {
    const level = new GainNode(this.context, { gain: decibelsToGain(gain) });
    const choice = new GainNode(this.context, { gain: 0 });
    level.connect(choice).connect(this.master);
    const stretches = new Stretches(new WavSource(url), this.rate, () => this.pump(), this.onError);
    const lane = { id, content, grows, gain, level, choice, stretches, shift: Math.round(shift * this.rate), voice: null };
    this.lanes.set(id, lane);
    stretches.open().then(() => this.pump(), this.onError);
    if (this.state === "playing") lane.voice = new Voice(this.context, level);
  }

  update(lane, { url, content, grows, shift, gain }) {
    if (gain !== lane.gain) {
      lane.level.gain.setTargetAtTime(decibelsToGain(gain), this.context.currentTime, SMOOTH_SECONDS);
    }
    const frames = Math.round(shift * this.rate);
    const isContinued = lane.grows && content !== lane.content;
    if (content !== lane.content) {
      lane.stretches.replace(new WavSource(url), isContinued).then(() => this.pump(), this.onError);
    } else {
      lane.stretches.source.url = url;
    }
    if ((content !== lane.content && !isContinued) || frames !== lane.shift) this.rejoin(lane);
    Object.assign(lane, { content, grows, gain, shift: frames });
  }

  remove(lane) {
    this.lanes.delete(lane.id);
    lane.voice?.stop(this.context.currentTime);
    lane.stretches.close();
    setTimeout(() => lane.choice.disconnect(), 100);
  }

  /** Schedule one lane anew; the others stay as they are. */
  rejoin(lane) {
    if (this.state !== "playing") return;
    lane.voice.stop(this.context.currentTime + JOIN_SECONDS);
    lane.voice = new Voice(this.context, lane.level);
  }

  /** Let the ear follow another lane, `at` seconds of the context; as soon as its sound is here. */
  choose(id, at = this.context.currentTime + 0.003) {
    this.wanted = id;
    const lane = this.lanes.get(id);
    if (!lane || id === this.chosen || (this.state === "playing" && !this.isReady(lane))) return;
    const before = this.lanes.get(this.chosen);
    this.chosen = id;
    if (this.state !== "playing") {
      // Nothing sounds, and the clock may stand still: ramps would queue up.
      for (const each of this.lanes.values()) setGain(each.choice.gain, each === lane ? 1 : 0);
      return;
    }
    const start = Math.max(at, this.rampEnd);
    before?.choice.gain.setValueCurveAtTime(FALL, start, SWITCH_SECONDS);
    lane.choice.gain.setValueCurveAtTime(RISE, start, SWITCH_SECONDS);
    this.rampEnd = start + SWITCH_SECONDS;
  }

  /** Whether the lane could be heard at this moment. Nothing is needed before its start and after its end. */
  isReady(lane, position = this.positionNow()) {
    const { stretches } = lane;
    if (!stretches.head) return false;
    const frame = Math.floor(position) - lane.shift;
    return frame < 0 || frame >= stretches.length || stretches.get(Math.floor(frame / stretches.size)) !== null;
  }

  /** From this place on, as soon as the lane that is heard has its sound there. */
  play(position = this.position) {
    this.stop("waiting");
    this.position = Math.round(position);
    this.pump();
  }

  /** Stop at this place, or wait there. */
  stop(state = "paused") {
    if (this.state === "playing") {
      this.position = Math.round(this.positionNow());
      this.silence(this.context.currentTime + 0.003);
      this.timeline = null;
    }
    this.state = state;
  }

  silence(seconds) {
    for (const lane of this.lanes.values()) {
      lane.voice?.stop(seconds);
      lane.voice = null;
    }
  }

  seek(position) {
    if (this.state === "paused") this.position = Math.round(position);
    else if (this.state === "playing" && this.isReady(this.lanes.get(this.chosen), position)) this.begin(Math.round(position));
    else this.play(position);
  }

  /** `loop`: {start, stop} in frames, or null. What sounds goes on at the same place. */
  setLoop(loop) {
    this.loop = loop;
    if (this.state === "playing") this.begin();
  }

  setVolume(gain) {
    this.master.gain.setTargetAtTime(gain, this.context.currentTime, SMOOTH_SECONDS);
  }

  /** All lanes begin at one frame, where what sounded before ends; at the place that it would have reached by then. */
  begin(position) {
    const frame = Math.ceil((this.context.currentTime + START_SECONDS) * this.rate);
    const from = position ?? this.timeline?.positionAt(frame) ?? this.position;
    this.silence(frame / this.rate);
    this.timeline = new Timeline(frame, from, this.loop);
    for (const lane of this.lanes.values()) lane.voice = new Voice(this.context, lane.level);
    this.state = "playing";
    this.pump();
    this.onChange();
  }

  /** Do what is due: start, schedule ahead, wait for sound, end. Call it every 100 ms unless paused. */
  pump() {
    if (this.wanted !== this.chosen) this.choose(this.wanted);
    const heard = this.lanes.get(this.chosen);
    if (this.state === "paused" || !heard) return;
    if (this.isOver()) {
      if (this.state === "waiting" && this.grows) return;
      this.stop(this.grows ? "waiting" : "paused");
      this.position = this.end;
      this.onChange();
      return;
    }
    if (this.state === "waiting") {
      if (this.isReady(heard)) this.begin(this.position);
      return;
    }
    const missing = this.schedule(heard);
    if (missing !== null && missing.frame < this.now + JOIN_SECONDS * this.rate) {
      this.stop("waiting");
      this.onChange();
      return;
    }
    for (const lane of this.lanes.values()) if (lane !== heard) this.schedule(lane);
  }

  get grows() {
    return [...this.lanes.values()].some((lane) => lane.grows);
  }

  /** Whether everything has been played. */
  isOver() {
    const isKnown = [...this.lanes.values()].every((lane) => lane.stretches.head);
    const isLooping = this.state === "playing" ? this.timeline.loop : this.loop && this.position < this.loop.stop;
    return isKnown && !isLooping && this.positionNow() >= this.end;
  }

  /** Place what begins within the horizon. Returns the first piece that is not here yet, or null. */
  schedule(lane) {
    const { now } = this;
    const limit = now + HORIZON_SECONDS * this.rate;
    for (const span of this.timeline.until(limit, now - this.rate)) {
      if (span.round > 0) lane.voice.dip(span.round, span.frame);
      for (const piece of pieces(span, lane, now, limit)) {
        const key = `${span.round} ${piece.number}`;
        const from = lane.voice.placedUntil(key, piece.from); // a stretch that was the last one may have grown
        if (from >= piece.to) continue;
        const rest = { ...piece, from, frame: piece.frame + from - piece.from };
        const buffer = lane.stretches.get(piece.number);
        if (buffer === null) return rest;
        this.place(lane.voice, key, buffer, rest);
      }
    }
    return null;
  }

  /** At its frame; or, if that is over, from a moment after now on, at the place where it belongs. */
  place(voice, key, buffer, { from, to, frame, isStart }) {
    const late = frame < this.now ? this.now + Math.round(JOIN_SECONDS * this.rate) - frame : 0;
    const stop = Math.min(to, buffer.length);
    if (from + late < stop) voice.place(buffer, from + late, stop, frame + late, late > 0 || !isStart);
    voice.placed.set(key, stop);
  }

  close() {
    this.stop();
    for (const lane of [...this.lanes.values()]) this.remove(lane);
    setTimeout(() => this.master.disconnect(), 100);
  }
}

function setGain(gain, value) {
  gain.cancelScheduledValues(0);
  gain.value = value;
}

/** The parts of a lane's stretches inside a span that are not over: {number, from, to (of the stretch), frame, isStart}. */
function* pieces(span, lane, now, limit) {
  const { size, length } = lane.stretches;
  const origin = span.frame + lane.shift - span.from; // the frame at which the lane would begin
  const first = Math.max(span.from - lane.shift, now - origin, 0);
  const last = Math.min(span.to - lane.shift, length, limit - origin);
  for (let number = Math.floor(first / size); number * size < last; number += 1) {
    const from = Math.max(span.from - lane.shift, number * size, 0);
    const to = Math.min(span.to - lane.shift, (number + 1) * size, length);
    yield { number, from: from - number * size, to: to - number * size, frame: origin + from, isStart: from === 0 };
  }
}
