/**
 * Sheet music as a lane's picture: the page that sounds, with its notes lit.
 * `score`: {pages: [{url, width, height}], timemap: address of [{seconds, on: [ids], off: [ids], page (from 1)}]}. Pages
 * without an address are not made yet.
 */
const ASK_AGAIN_MS = 4000;

export class ScorePicture {
  /** `wantPage(number)`: called for a page that should be shown and is not made yet. */
  constructor(element, wantPage) {
    this.element = element; // scrolls by itself
    this.wantPage = wantPage;
    this.pages = [];
    this.timemap = [];
    this.source = ""; // of the time map
    this.asked = new Map(); // page → when
    this.page = 0;
    this.at = -1; // index in the time map
    this.lit = new Set();
  }

  async update(score, seconds) {
    this.pages = score.pages;
    if (score.timemap !== this.source) {
      [this.source, this.page, this.timemap] = [score.timemap, 0, []];
      this.asked.clear();
      this.element.replaceChildren();
      const answer = score.timemap ? await fetch(score.timemap) : null;
      if (score.timemap !== this.source) return; // another piece meanwhile
      if (answer?.ok) this.timemap = await answer.json();
    }
    this.at = -1;
    this.show(seconds);
  }

  /** Light what sounds at `seconds` of the lane. */
  show(seconds) {
    const { timemap } = this;
    let { at } = this;
    if (at >= 0 && timemap[at].seconds > seconds) at = -1;
    if (at < 0) this.lit.clear();
    while (at + 1 < timemap.length && timemap[at + 1].seconds <= seconds) {
      at += 1;
      for (const id of timemap[at].off ?? []) this.lit.delete(id);
      for (const id of timemap[at].on ?? []) this.lit.add(id);
    }
    if (at === this.at && at >= 0) return;
    this.at = at;
    this.turn(timemap[Math.max(at, 0)]?.page ?? 1);
    this.light();
  }

  async turn(page) {
    const url = this.pages[page - 1]?.url;
    if (!url) {
      // Asked again after a while: Streamlit can lose what is sent while the page is drawn.
      if (Date.now() - (this.asked.get(page) ?? 0) > ASK_AGAIN_MS) {
        this.asked.set(page, Date.now());
        this.wantPage(page);
      }
      return;
    }
    if (page === this.page) return;
    this.page = page;
    const answer = await fetch(url);
    if (page !== this.page || !answer.ok) return;
    // Parsed as XML and without scripts: a score has names that people wrote.
    const svg = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
    if (svg.nodeName !== "svg") return;
    for (const each of svg.querySelectorAll("script, foreignObject")) each.remove();
    for (const each of [svg, ...svg.querySelectorAll("*")]) {
      for (const { name, value } of [...each.attributes]) {
        if (name.startsWith("on") || (name.endsWith("href") && !value.startsWith("#"))) each.removeAttribute(name);
      }
    }
    const picture = document.importNode(svg, true);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `Sheet music, page ${page} of ${this.pages.length}`);
    this.element.replaceChildren(picture);
    this.light();
  }

  /** The moment at which the note that was clicked begins; null beside the notes. */
  secondsOf(target) {
    for (let each = target; each && each !== this.element; each = each.parentNode) {
      const moment = each.id ? this.timemap.find(({ on }) => on?.includes(each.id)) : null;
      if (moment) return moment.seconds;
    }
    return null;
  }

  light() {
    for (const each of this.element.querySelectorAll(".lit")) if (!this.lit.has(each.id)) each.classList.remove("lit");
    for (const id of this.lit) this.element.querySelector(`#${CSS.escape(id)}`)?.classList.add("lit");
    const first = this.element.querySelector(".lit")?.getBoundingClientRect();
    const { top, bottom } = this.element.getBoundingClientRect();
    if (first && (first.top < top || first.bottom > bottom)) this.element.scrollTop += first.top - top - (bottom - top) / 3;
  }
}
