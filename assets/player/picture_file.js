/** What all lanes show now as one picture: the ruler and below it each lane with its title. */
import { coloursOf } from "./elements.js";

const GAP = 8;
const TITLE = 22;

/** A canvas. `rows`: [{title, canvas}], where `canvas` is drawn or a picture of sheet music; `colours`: of the page. */
function joinedPicture(ruler, rows, { ground, panel, text, font }, ratio) {
  const width = Math.max(ruler.width, 1);
  const height = ruler.height + rows.reduce((sum, row) => sum + (TITLE + GAP) * ratio + heightOf(row.canvas, width), 0);
  const joined = document.createElement("canvas");
  Object.assign(joined, { width: width + 2 * GAP * ratio, height: Math.ceil(height + 2 * GAP * ratio) });
  const context = joined.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, joined.width, joined.height);
  context.translate(GAP * ratio, GAP * ratio);
  context.drawImage(ruler, 0, 0);
  let top = ruler.height;
  for (const { title, canvas } of rows) {
    const tall = heightOf(canvas, width);
    context.fillStyle = text;
    context.font = `${13 * ratio}px ${font}`;
    context.textBaseline = "middle";
    context.fillText(title, 0, top + (TITLE / 2 + GAP / 2) * ratio, width);
    top += (TITLE + GAP) * ratio;
    context.fillStyle = panel;
    context.fillRect(0, top, width, tall);
    context.drawImage(canvas, 0, top, width, tall);
    top += tall;
  }
  return joined;
}

function heightOf({ width, height }, wanted) {
  return (height * wanted) / Math.max(width, 1);
}

/** Sheet music (SVG) as something that can be drawn on a canvas, black on white. */
export async function paperOf(svg, ratio) {
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Let the browser save all lanes that are seen, as they are now, as picture.png. */
export async function savePicture({ controls, rows, element }) {
  const seen = [...rows.values()].filter((row) => !row.element.hidden);
  const stills = await Promise.all(seen.map((row) => row.still()));
  const joined = joinedPicture(controls.axis, stills.filter(Boolean), coloursOf(element), window.devicePixelRatio || 1);
  const blob = await new Promise((resolve) => joined.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "picture.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
