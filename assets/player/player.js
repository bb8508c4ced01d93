/** The player on the page: lanes below each other on one time axis, one playhead, one row of controls. */
import { Controls } from "./controls.js";
import { clock, drawRuler } from "./drawing.js";
import { area, coloursOf } from "./elements.js";
import { listenToKeys, listenToPointer } from "./gestures.js";
import { LaneRow } from "./lane_row.js";
import { Transport } from "./transport.js";
import { around, turned, zoomed } from "./view.js";

const SHORTEST_LOOP = 0.05;

export class Player {
  constructor() {
    this.transport = new Transport({ onChange: () => this.refresh(), onError: (error) => this.complain(error) });
    this.data = { lanes: [], regions: [] };
    this.rows = new Map();
    this.whole = { start: 0, stop: 1 };
    this.view = this.whole;
    this.region = null; // {start, stop}; looped while `isLooping`
    this.isLooping = false;
    this.frame = 0;
    this.controls = new Controls(this);
    this.element = this.controls.element;
    listenToKeys(this, this.element);
    listenToPointer(this, this.controls.ruler);
    this.resizing = new ResizeObserver(() => this.redraw());
    this.resizing.observe(this.controls.ruler);
  }

  /** New facts from the page. What sounds goes on; only what has changed is drawn anew. */
  update(data, send) {
    const before = this.data;
    this.data = { regions: [], ...data };
    this.send = send;
    const edges = data.lanes.flatMap((lane) => [lane.shift, lane.shift + lane.seconds]);
    const whole = { start: Math.min(...edges, Infinity), stop: Math.max(...edges, -Infinity) };
    this.whole = whole.start < whole.stop ? whole : { start: 0, stop: 1 };
    this.keepView(JSON.stringify(before.window ?? null) !== JSON.stringify(data.window ?? null));
    this.arrange();
    this.transport.setLanes(data.lanes);
    this.controls.setSlider(data.slider);
    this.controls.excerptButton.hidden = !data.offers_excerpt;
    this.refresh();
    this.redraw();
  }

  /** A new window of the page is shown; otherwise the view stays, or grows with the music if all of it was in view. */
  keepView(isNewWindow) {
    const { window } = this.data;
    const wasAll = this.isAll ?? true;
    if (window && isNewWindow) this.setView(around(this.whole, (window[0] + window[1]) / 2, window[1] - window[0]));
    else if (wasAll) this.setView(this.whole);
    else this.setView(around(this.whole, (this.view.start + this.view.stop) / 2, this.view.stop - this.view.start));
    if (window && isNewWindow && !this.transport.isPlaying) this.transport.at = this.view.start;
    if (this.position < this.whole.start) this.transport.at = this.whole.start;
  }

  arrange() {
    const { lanes, regions } = this.data;
    for (const [id, row] of this.rows) {
      if (lanes.some((lane) => lane.id === id)) continue;
      row.close();
      this.rows.delete(id);
    }
    lanes.forEach((lane, number) => {
      if (!this.rows.has(lane.id)) {
        const row = new LaneRow(this, lane.id);
        listenToPointer(this, row.picture);
        this.rows.set(lane.id, row);
      }
      const row = this.rows.get(lane.id);
      row.update(lane, number + 1, regions.filter((region) => region.lane === lane.id));
      if (this.controls.list.children[number] !== row.element) this.controls.list.insertBefore(row.element, this.controls.list.children[number] ?? null);
    });
    this.element.classList.toggle("single", lanes.length === 1);
  }

  get position() {
    return this.transport.position;
  }

  get heard() {
    return this.transport.chosen;
  }

  toggle() {
    if (this.transport.isPlaying) this.transport.pause();
    else {
      const loop = this.isLooping && this.region;
      const isOutside = loop && (this.position < loop.start || this.position >= loop.stop - 0.01);
      const from = isOutside ? loop.start : this.position >= this.whole.stop - 0.02 && !this.grows ? this.whole.start : this.position;
      this.transport.play(from);
    }
  }

  get grows() {
    return this.data.lanes.some((lane) => lane.sound?.grows);
  }

  seek(seconds) {
    this.transport.seek(Math.min(Math.max(seconds, this.whole.start), this.whole.stop));
    this.showPosition(true);
  }

  choose(id) {
    const lane = this.data.lanes.find((each) => each.id === id);
    if (!lane?.sound) return;
    this.transport.choose(id);
    this.say(`${lane.title || "The piece"} is heard.`);
  }

  chooseNumber(number) {
    const lane = this.data.lanes[number - 1];
    if (lane) this.choose(lane.id);
  }

  chooseNext(step) {
    const lanes = this.transport.playable;
    const at = lanes.findIndex((lane) => lane.id === this.heard);
    if (lanes.length) this.choose(lanes[(at + step + lanes.length) % lanes.length].id);
  }

  /** A passage, and then those that are linked with it (the same `group`), in the order in which they were given. */
  playRegion(region) {
    const linked = this.data.regions.filter((each) => each !== region && each.group != null && each.group === region.group);
    const passages = [region, ...linked].map(({ lane, start, stop }) => {
      const { shift } = this.data.lanes.find((each) => each.id === lane);
      return { lane, start: start + shift, stop: stop + shift };
    });
    this.isLooping = false;
    this.transport.playPassages(passages);
    this.say(region.label ?? "");
  }

  showRegion(one, other) {
    this.shown = { start: Math.min(one, other), stop: Math.max(one, other) };
    this.showLoops();
  }

  markRegion(one, other) {
    this.shown = null;
    const region = { start: Math.min(one, other), stop: Math.max(one, other) };
    if (region.stop - region.start < SHORTEST_LOOP) return;
    this.region = region;
    this.isLooping = true;
    if (this.transport.isPlaying && (this.position < region.start || this.position >= region.stop)) this.seek(region.start);
    else if (!this.transport.isPlaying) this.seek(region.start);
    this.applyLoop();
  }

  /** Start or end of the loop at the playhead: the same with keys as by dragging. */
  markEdge(edge) {
    const region = { ...(this.region ?? this.view), [edge]: this.position };
    if (region.stop - region.start < SHORTEST_LOOP) return;
    this.region = region;
    this.isLooping = true;
    this.applyLoop();
  }

  toggleLoop() {
    this.region ??= { ...this.view };
    this.isLooping = !this.isLooping;
    this.applyLoop();
  }

  clearRegion() {
    this.region = this.shown = null;
    this.isLooping = false;
    this.applyLoop();
  }

  applyLoop() {
    this.transport.setLoop(this.isLooping ? this.region : null);
    this.say(this.isLooping ? `Loop from ${clock(this.region.start)} to ${clock(this.region.stop)}.` : "Loop off.");
    this.refresh();
  }

  sendExcerpt() {
    const { start, stop } = this.region ?? this.view;
    this.send("excerpt", { start, stop });
  }

  secondsAt(share) {
    return this.view.start + Math.min(Math.max(share, 0), 1) * (this.view.stop - this.view.start);
  }

  zoom(factor, anchor) {
    const isInView = this.position >= this.view.start && this.position <= this.view.stop;
    this.setView(zoomed(this.whole, this.view, factor, anchor ?? (isInView ? this.position : (this.view.start + this.view.stop) / 2)));
  }

  scroll(share) {
    this.scrollTo(this.view.start + share * (this.view.stop - this.view.start));
  }

  scrollTo(start) {
    this.setView(around(this.whole, start, this.view.stop - this.view.start, 0));
  }

  showAll() {
    this.setView(this.whole);
  }

  setView(view) {
    this.view = view;
    this.isAll = view.stop - view.start >= this.whole.stop - this.whole.start - 1e-6;
    this.redraw();
  }

  /** Draw the pictures again, once in the next frame. */
  redraw() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      this.draw();
    });
  }

  draw() {
    const colours = coloursOf(this.element);
    const ruler = area(this.controls.axis, colours);
    if (!ruler) return;
    drawRuler(ruler, this.view);
    const measures = [...this.rows.values()].map((row) => row.measure());
    const reaches = measures.filter((each) => each.reach).map((each) => each.reach);
    const shared = {
      top: Math.max(...measures.map((each) => each.top ?? -200)),
      low: Math.min(58, ...reaches.map(([low]) => low - 2)),
      high: Math.max(74, ...reaches.map(([, high]) => high + 2)),
    };
    for (const row of this.rows.values()) row.draw(this.view, colours, shared);
    this.controls.scrolled(this.whole, this.view, this.isAll);
    this.showLoops();
    this.showPosition();
  }

  showLoops() {
    const loop = this.shown ?? this.region;
    for (const row of this.rows.values()) row.showLoop(this.view, loop, this.isLooping || Boolean(this.shown));
  }

  /** Buttons as they are now, and the playhead in motion while something plays. */
  refresh() {
    const { isPlaying } = this.transport;
    const hidden = this.controls.refresh(this.transport, this.isLooping);
    if (isPlaying) this.complain(null);
    for (const [id, row] of this.rows) {
      row.setHeard(id === this.heard);
      if (row.element.hidden && !hidden.has(id)) this.redraw();
      row.element.hidden = hidden.has(id);
    }
    this.showLoops();
    this.showPosition();
    cancelAnimationFrame(this.frame);
    if (isPlaying) this.follow();
  }

  follow() {
    this.frame = requestAnimationFrame(() => {
      const { position, view } = this;
      const wasInView = this.lastPosition >= view.start && this.lastPosition <= view.stop;
      if (wasInView && (position > view.stop || position < view.start)) this.setView(turned(this.whole, view, position));
      this.showPosition();
      if (this.transport.isPlaying) this.follow();
    });
  }

  showPosition(isNow = false) {
    const { position, view, whole } = this;
    this.lastPosition = position;
    const share = (position - view.start) / (view.stop - view.start);
    for (const row of this.rows.values()) row.follow(share, position);
    this.controls.showPosition(position, whole, isNow || !this.transport.isPlaying);
  }

  say(words) {
    this.controls.say(words);
  }

  complain(error) {
    this.controls.complain(error);
  }

  close() {
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.drawing);
    this.resizing.disconnect();
    this.transport.close();
    for (const row of this.rows.values()) row.close();
    this.element.remove();
  }
}
