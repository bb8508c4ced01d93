/** Small helpers for the player's elements. Texts are data: they are set as text, never as markup. */

/** An element with properties, attributes (names with a dash, and role) and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zm8 0h4v14h-4z",
  loop: "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z",
  closer: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  farther: "M5 11h14v2H5z",
  whole: "M3 5h2v14H3zm16 0h2v14h-2zM7 11h3V8l4 4-4 4v-3H7z",
  picture: "M11 3h2v8h3l-4 5-4-5h3zM4 17h2v2h12v-2h2v4H4z",
  excerpt: "M4 5h5v2H6v10h3v2H4zM20 5h-5v2h3v10h-3v2h5zM10 11h4v2h-4z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that is an icon; its name is read out and shown as a tooltip. */
export function iconButton(name, title, onclick) {
  return element("button", { type: "button", className: `icon icon-${name}`, title, "aria-label": title, onclick }, icon(name));
}

/** A canvas in the pixels of the screen, ready to draw on; null while it has no size. */
export function area(canvas, colours) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return null;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  return { context, width, height, colours, ratio };
}

/** The colours that the style sheet gives to pictures, as a canvas reads them. */
export function coloursOf(holder) {
  const style = getComputedStyle(holder);
  const named = (name) => style.getPropertyValue(name).trim();
  return {
    accent: named("--accent"), reference: named("--reference"), text: named("--quiet"), line: named("--line"),
    ground: named("--page") || "#fff", panel: named("--ground"), font: style.fontFamily, voices: named("--voices").split(","),
  };
}
