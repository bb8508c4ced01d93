/**
 * Playing, as the player's buttons know it: seconds on the common axis, an engine only once a button was clicked, and
 * passages that are played one after the other.
 */
import { Engine } from "./engine.js";
import { leaveContext, restContext, takeContext } from "./sounding.js";

const PUMP_MS = 100;
const QUEUE_MS = 20;

export class Transport {
  constructor({ onChange, onError }) {
    this.onChange = onChange;
    this.onError = onError;
    this.lanes = [];
    this.engine = null;
    this.chosen = null;
    this.loop = null; // {start, stop} in seconds, while it is on
    this.at = 0;
    this.volume = 1;
    this.queue = [];
    this.timer = 0;
  }

  get isPlaying() {
    return this.engine !== null && this.engine.state !== "paused";
  }

  get isWaiting() {
    return this.engine?.state === "waiting";
  }

  /** Seconds on the common axis, as heard. */
  get position() {
    if (!this.isPlaying) return this.at;
    return this.engine.positionNow(this.engine.context.outputLatency || 0) / this.engine.rate;
  }

  get playable() {
    return this.lanes.filter((lane) => lane.sound);
  }

  setLanes(lanes) {
    this.lanes = lanes;
    if (!this.playable.some((lane) => lane.id === this.chosen)) this.chosen = this.playable[0]?.id ?? null;
    this.engine?.setLanes(this.specs());
  }

  specs() {
    return this.playable.map(({ id, sound, shift, gain_db: gain }) => {
      return { id, shift, gain, url: sound.url, content: sound.content, grows: Boolean(sound.grows) };
    });
  }

  /** Call it in a click: browsers allow sound only then. */
  play(from = this.at) {
    if (!this.playable.length) return;
    const context = takeContext(this, this.playable.map((lane) => lane.sound.sample_rate));
    if (this.engine?.context !== context) {
      this.engine?.close();
      this.engine = new Engine(context, { onChange: () => this.noticed(), onError: this.onError });
      this.engine.setLanes(this.specs());
      this.engine.setVolume(this.volume);
    }
    this.engine.choose(this.chosen);
    this.engine.loop = this.frames(this.loop);
    this.engine.play(from * this.engine.rate);
    clearInterval(this.timer);
    this.timer = setInterval(() => this.tick(), this.queue.length ? QUEUE_MS : PUMP_MS);
    this.onChange();
  }

  pause() {
    this.at = this.position;
    this.queue = [];
    this.engine?.stop();
    this.rest();
  }

  rest() {
    clearInterval(this.timer);
    restContext(this);
    this.onChange();
  }

  /** The engine did something by itself: began, waits for sound, or has come to the end. */
  noticed() {
    if (this.engine.state === "paused") {
      this.at = this.engine.position / this.engine.rate;
      this.rest();
    } else this.onChange();
  }

  tick() {
    this.engine.pump();
    const [passage] = this.queue;
    if (passage && this.position >= passage.stop) this.next();
  }

  seek(seconds) {
    this.queue = [];
    this.at = seconds;
    if (this.isPlaying) this.engine.seek(seconds * this.engine.rate);
  }

  choose(id) {
    this.chosen = id;
    this.engine?.choose(id);
    this.onChange();
  }

  setLoop(loop) {
    this.loop = loop;
    this.engine?.setLoop(this.frames(loop));
  }

  frames(loop) {
    if (!loop) return null;
    return { start: Math.round(loop.start * this.engine.rate), stop: Math.round(loop.stop * this.engine.rate) };
  }

  setVolume(volume) {
    this.volume = volume;
    this.engine?.setVolume(volume);
  }

  /** Passages, each {lane, start, stop} in seconds of the common axis, one after the other. */
  playPassages(passages) {
    this.loop = null;
    this.queue = passages;
    this.choose(passages[0].lane);
    this.play(passages[0].start);
  }

  next() {
    this.queue.shift();
    const [passage] = this.queue;
    if (!passage) {
      this.pause();
      return;
    }
    this.choose(passage.lane);
    this.engine.seek(passage.start * this.engine.rate);
  }

  close() {
    clearInterval(this.timer);
    leaveContext(this);
    this.engine?.close();
    this.engine = null;
  }
}
