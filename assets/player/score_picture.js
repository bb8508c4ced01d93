/**
 * Sheet music as a lane's picture: the page that sounds, with its notes lit.
 * `score`: {pages: [{url, width, height}], timemap: [{seconds, on: [ids], off: [ids], page}]}.
 */
export class ScorePicture {
  constructor(element, score) {
    this.element = element; // scrolls by itself
    this.score = score;
    this.page = -1;
    this.at = -1; // index in the timemap
    this.lit = new Set();
    this.svg = null;
    element.replaceChildren();
  }

  /** Light what sounds at `seconds` of the lane. */
  show(seconds) {
    const { timemap } = this.score;
    let at = this.at;
    if (at >= 0 && timemap[at]?.seconds > seconds) [at, this.lit] = [-1, new Set()];
    while (at + 1 < timemap.length && timemap[at + 1].seconds <= seconds) {
      at += 1;
      for (const id of timemap[at].off ?? []) this.lit.delete(id);
      for (const id of timemap[at].on ?? []) this.lit.add(id);
    }
    if (at === this.at && this.svg) return;
    this.at = at;
    this.turn(timemap[Math.max(at, 0)]?.page ?? 0);
    this.light();
  }

  async turn(page) {
    if (page === this.page || !this.score.pages[page]) return;
    this.page = page;
    const answer = await fetch(this.score.pages[page].url);
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
    this.svg = document.importNode(svg, true);
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", `Sheet music, page ${page + 1} of ${this.score.pages.length}`);
    this.element.replaceChildren(this.svg);
    this.light();
  }

  light() {
    for (const each of this.element.querySelectorAll(".lit")) if (!this.lit.has(each.id)) each.classList.remove("lit");
    for (const id of this.lit) this.svg?.querySelector(`#${CSS.escape(id)}`)?.classList.add("lit");
  }
}
