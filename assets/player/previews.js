/**
 * The files that pictures are drawn from: a head in JSON, then arrays. See musicgen/clips/pictures.py.
 */
const KINDS = { int16: Int16Array, uint8: Uint8Array, float32: Float32Array };

/** {…facts, arrays: {name: {values, shape}}}. */
export function unpack(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  for (const array of Object.values(head.arrays)) {
    const length = array.shape.reduce((product, each) => product * each, 1);
    array.values = new KINDS[array.kind](buffer, 4 + size + array.start, length);
  }
  return head;
}

const kept = new Map(); // address → promise; the newest are kept, because a lane may change its picture back and forth
const KEPT = 16;

export function preview(url) {
  if (!kept.has(url)) {
    const work = load(url);
    work.catch(() => kept.delete(url));
    kept.set(url, work);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(url);
}

async function load(url) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(url);
    if (answer.ok) return unpack(await answer.arrayBuffer());
    if (attempt >= 4) throw new Error(`A picture could not be loaded (${answer.status}).`);
    await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** attempt)); // dropped while the page is drawn again
  }
}
