/** One lane on the page: its name and gain, the choice of its picture, the picture, and the regions drawn on it. */
import { decibelsToGain } from "./ramps.js";
import { CloseUp } from "./close_up.js";
import { drawRoll, drawSamples, drawSpectrogram, drawWaveform, isTooClose, loudest, reach } from "./drawing.js";
import { area, element } from "./elements.js";
import { paperOf } from "./picture_file.js";
import { preview } from "./previews.js";
import { ScorePicture } from "./score_picture.js";

const PICTURES = { roll: "Piano roll", score: "Score", waveform: "Waveform", spectrogram: "Spectrogram" };
const AUDIBLE_DB = 0.05;

export class LaneRow {
  /** `player`: has `choose(id)`, `playRegion(region)`, `redraw()`. */
  constructor(player, id) {
    this.player = player;
    this.id = id;
    this.hear = element("button", { type: "button", className: "hear", onclick: () => player.choose(id) });
    this.note = element("span", { className: "note" });
    this.select = element("select", { onchange: () => this.chosen(this.select.value) });
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.sheet = element("div", { className: "sheet", hidden: true });
    this.sheet.addEventListener("pointerdown", (event) => event.stopPropagation()); // its width is not the time
    this.sheet.addEventListener("click", ({ target }) => {
      const seconds = this.score.secondsOf(target);
      if (seconds !== null) player.seek(seconds + this.lane.shift);
    });
    this.marks = element("div", { className: "marks" });
    this.loop = element("div", { className: "loop", hidden: true });
    this.head = element("div", { className: "playhead" });
    this.picture = element("div", { className: "picture" }, this.canvas, this.sheet, this.loop, this.marks, this.head);
    this.legend = element("div", { className: "legend" });
    this.element = element("div", { className: "lane" },
      element("div", { className: "head" }, this.hear, this.note, this.select), this.picture, this.legend);
    this.data = null; // of the picture that is drawn
    this.choice = null; // the picture that the visitor chose
    this.score = null;
    this.closeUp = new CloseUp(() => player.redraw());
  }

  update(lane, number, regions) {
    const isNew = JSON.stringify(lane.pictures) !== JSON.stringify(this.lane?.pictures);
    const hasNewScore = JSON.stringify(lane.score) !== JSON.stringify(this.lane?.score);
    const isOffered = Boolean(lane.score) !== Boolean(this.lane?.score);
    this.lane = lane;
    this.number = number;
    this.element.dataset.role = lane.role;
    this.hear.replaceChildren(element("kbd", {}, String(number)), element("span", {}, lane.title || "Play"));
    const gain = Math.abs(lane.gain_db) >= AUDIBLE_DB ? `${lane.gain_db > 0 ? "+" : "−"}${Math.abs(lane.gain_db).toFixed(1)} dB` : "";
    this.note.textContent = [lane.note, gain].filter(Boolean).join(" · ");
    this.select.setAttribute("aria-label", `Picture of ${lane.title || "the piece"}`);
    this.legend.replaceChildren(...lane.voices.map((voice) => element("span", {}, element("i"), voice)));
    if (isNew || isOffered) this.offer();
    if (hasNewScore && this.kind === "score") this.score.update(lane.score, this.player.position - lane.shift);
    this.drawMarks(regions);
  }

  chosen(kind) {
    this.choice = kind;
    this.look(kind);
  }

  /** The pictures that there are now: the one that was chosen stays, otherwise the usual one as soon as it is there. */
  offer() {
    const names = Object.keys(PICTURES).filter((name) => (name === "score" ? this.lane.score : this.lane.pictures[name]));
    this.select.replaceChildren(...names.map((name) => element("option", { value: name }, PICTURES[name])));
    this.select.hidden = names.length < 2;
    // Never the score by itself: it is engraved only for those who want to see it.
    const usual = names.includes(this.lane.picture) ? this.lane.picture : names.find((name) => name !== "score");
    this.look(names.includes(this.choice) ? this.choice : usual);
  }

  async look(kind) {
    this.kind = kind;
    if (kind) this.select.value = kind;
    this.canvas.hidden = kind === "score";
    this.sheet.hidden = kind !== "score";
    this.picture.dataset.kind = kind ?? "none";
    this.legend.hidden = kind !== "roll";
    if (kind === "score") {
      this.score ??= new ScorePicture(this.sheet, (page) => this.player.send("page", { lane: this.id, page }));
      this.score.update(this.lane.score, this.player.position - this.lane.shift);
    }
    const url = this.lane.pictures[kind];
    if (url) {
      try {
        const data = await preview(url);
        if (this.kind === kind) this.data = { kind, content: data };
      } catch (error) {
        this.player.complain(error);
      }
    } else this.data = null;
    this.player.redraw();
  }

  /** What all lanes share, so that their pictures can be compared: {top} in dB, [low, high] in pitches. */
  measure() {
    if (this.data?.kind === "spectrogram") {
      this.data.content.loudest ??= loudest(this.data.content, 0);
      return { top: this.data.content.loudest + this.lane.gain_db };
    }
    return this.data?.kind === "roll" ? { reach: reach(this.data.content) } : {};
  }

  draw(view, colours, { top, low, high }) {
    this.place(this.marks, view);
    [...this.legend.children].forEach((each, track) => {
      each.firstChild.style.background = colours.voices[track % colours.voices.length];
    });
    if (!this.data || this.kind === "score") return;
    const drawn = area(this.canvas, colours);
    if (!drawn) return;
    const own = { start: view.start - this.lane.shift, stop: view.stop - this.lane.shift };
    const colour = this.lane.colour || (this.lane.role === "reference" ? colours.reference : colours.accent);
    const { content, kind } = this.data;
    if (kind === "waveform") {
      const gain = decibelsToGain(this.lane.gain_db);
      const isClose = this.lane.sound && isTooClose(drawn.width, content, own);
      const samples = isClose ? this.closeUp.samples(this.lane.sound, own) : null;
      if (samples) drawSamples(drawn, samples, own, colour, gain);
      else drawWaveform(drawn, content, own, colour, gain);
    }
    if (kind === "spectrogram") drawSpectrogram(drawn, content, own, { gainDb: this.lane.gain_db, top });
    if (kind === "roll") drawRoll(drawn, content, own, { hues: colours.voices, low, high });
  }

  /** Its picture as it is now: {title, canvas}; null while there is none. */
  async still() {
    const svg = this.kind === "score" ? this.sheet.querySelector("svg") : null;
    const canvas = svg ? await paperOf(svg, devicePixelRatio || 1) : this.kind !== "score" && this.data ? this.canvas : null;
    return canvas?.width ? { title: this.lane.title, canvas } : null;
  }

  drawMarks(regions) {
    this.marks.replaceChildren(...regions.map((region) => {
      const mark = element("button", {
        type: "button", className: "mark", title: region.label ?? "",
        "aria-label": `Play ${region.label || "this passage"} in ${this.lane.title}`,
        onclick: () => this.player.playRegion(region),
        onpointerdown: (event) => event.stopPropagation(),
      });
      mark.dataset.start = region.start;
      mark.dataset.stop = region.stop;
      if (region.colour) mark.style.setProperty("--mark", region.colour);
      return mark;
    }));
  }

  place(holder, view) {
    const seconds = view.stop - view.start;
    for (const mark of holder.children) {
      const start = (Number(mark.dataset.start) + this.lane.shift - view.start) / seconds;
      const stop = (Number(mark.dataset.stop) + this.lane.shift - view.start) / seconds;
      mark.hidden = stop < 0 || start > 1;
      mark.style.left = `${100 * Math.max(start, 0)}%`;
      mark.style.width = `${100 * (Math.min(stop, 1) - Math.max(start, 0))}%`;
    }
  }

  showLoop(view, loop, isOn) {
    this.loop.hidden = !loop;
    if (!loop) return;
    const seconds = view.stop - view.start;
    const [start, stop] = [loop.start, loop.stop].map((at) => Math.min(Math.max((at - view.start) / seconds, 0), 1));
    this.loop.style.left = `${100 * start}%`;
    this.loop.style.width = `${100 * (stop - start)}%`;
    this.loop.classList.toggle("off", !isOn);
  }

  /** `share`: of the width, where the playhead stands; `position`: seconds on the common axis. */
  follow(share, position) {
    this.head.hidden = share < 0 || share > 1;
    this.head.style.transform = `translateX(${share * this.picture.clientWidth}px)`;
    if (this.kind === "score") this.score?.show(position - this.lane.shift);
  }

  close() {
    this.closeUp.close();
    this.element.remove();
  }

  setHeard(isHeard) {
    this.hear.disabled = !this.lane.sound;
    this.hear.setAttribute("aria-pressed", String(isHeard));
    this.element.classList.toggle("heard", isHeard);
  }
}
