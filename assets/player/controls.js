/** The player's elements around the lanes: buttons, ruler, volume, slider, scrollbar, and what is said to the visitor. */
import { clock } from "./drawing.js";
import { element, icon, iconButton } from "./elements.js";
import { savePicture } from "./picture_file.js";

export class Controls {
  constructor(player) {
    this.playButton = iconButton("play", "Play", () => player.toggle());
    this.time = element("output", { className: "time", "aria-live": "off" });
    this.loopButton = iconButton("loop", "Loop (L)", () => player.toggleLoop());
    this.excerptButton = iconButton("excerpt", "Make the marked part the excerpt", () => player.sendExcerpt());
    this.volume = element("input", { type: "range", className: "volume", min: 0, max: 1, step: 0.01, value: 1,
      title: "Volume", "aria-label": "Volume", oninput: () => player.transport.setVolume(this.volume.value ** 2) });
    this.slider = element("input", { type: "range", step: 1, min: 0,
      oninput: () => player.choose(this.stops[this.slider.value].lane) });
    this.sliderBox = element("label", { className: "lapse", hidden: true }, element("span"), this.slider, element("output"));
    this.axis = element("canvas", { "aria-hidden": "true" });
    this.ruler = element("div", { className: "ruler", role: "slider", tabIndex: 0, "aria-label": "Position" }, this.axis);
    this.scrollbar = element("input", { type: "range", className: "scrollbar", min: 0, max: 1, step: "any",
      "aria-label": "Scroll through the music", oninput: () => player.scrollTo(Number(this.scrollbar.value)) });
    this.list = element("div", { className: "lanes", role: "group", "aria-label": "Lanes" });
    this.said = element("div", { className: "said", role: "status" });
    this.trouble = element("div", { className: "trouble", role: "alert", hidden: true });
    this.element = element("div", { className: "player", role: "group", "aria-label": "Player" },
      element("div", { className: "bar" }, this.playButton, this.time, this.loopButton,
        iconButton("farther", "Zoom out (−)", () => player.zoom(2)), iconButton("closer", "Zoom in (+)", () => player.zoom(0.5)),
        iconButton("whole", "Show all (0)", () => player.showAll()), this.excerptButton,
        iconButton("picture", "Save the picture (PNG)", () => savePicture(player)), this.volume, this.sliderBox),
      this.trouble, this.ruler, this.list, this.scrollbar, this.said);
    this.stops = [];
    this.toldPosition = -9;
  }

  /** `slider`: {label, stops: [{lane, label}]} or null. */
  setSlider(slider) {
    this.stops = slider?.stops ?? [];
    this.sliderBox.hidden = this.stops.length === 0;
    this.slider.max = Math.max(this.stops.length - 1, 0);
    this.sliderBox.firstChild.textContent = slider?.label ?? "";
  }

  /** Buttons and slider as the transport is now. Returns the lanes that are hidden behind the slider. */
  refresh({ isPlaying, isWaiting, playable, chosen }, isLooping) {
    this.playButton.replaceChildren(icon(isPlaying ? "pause" : "play"));
    this.playButton.title = isPlaying ? "Pause (space)" : "Play (space)";
    this.playButton.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    this.playButton.disabled = playable.length === 0;
    this.element.classList.toggle("waiting", isWaiting);
    this.loopButton.setAttribute("aria-pressed", String(isLooping));
    const found = this.stops.findIndex((each) => each.lane === chosen);
    if (found >= 0) this.stop = chosen;
    // A lane beside those on the slider is heard: the stop that was chosen last stays, at first the newest.
    const last = this.stops.findIndex((each) => each.lane === this.stop);
    const stop = last >= 0 ? last : this.stops.length - 1;
    if (stop < 0) return new Set();
    this.slider.value = stop;
    this.slider.setAttribute("aria-valuetext", this.stops[stop].label);
    this.sliderBox.lastChild.textContent = this.stops[stop].label;
    return new Set(this.stops.map((each) => each.lane).filter((lane) => lane !== this.stops[stop].lane));
  }

  scrolled(whole, view, isAll) {
    this.scrollbar.hidden = isAll;
    Object.assign(this.scrollbar, { min: whole.start, max: whole.stop - (view.stop - view.start), value: view.start });
  }

  /** The time; screen readers are told once a second, not in every frame. */
  showPosition(position, whole, isNow) {
    this.time.textContent = `${clock(position)} / ${clock(whole.stop)}`;
    if (!isNow && Math.abs(position - this.toldPosition) < 1) return;
    this.toldPosition = position;
    const values = { valuemin: whole.start, valuemax: whole.stop, valuenow: position };
    for (const [name, value] of Object.entries(values)) this.ruler.setAttribute(`aria-${name}`, value.toFixed(1));
    this.ruler.setAttribute("aria-valuetext", `${clock(position)} of ${clock(whole.stop)}`);
  }

  say(words) {
    this.said.textContent = words;
  }

  complain(error) {
    this.trouble.hidden = !error;
    this.trouble.textContent = error ? `${error.message ?? error} Reload the page to try again.` : "";
  }
}
