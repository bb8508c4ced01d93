/** Pointer and keyboard: what a hand does on the player, told to it in words. */

const CLICK_PIXELS = 4;
const STEP_SECONDS = 1;
const FAR_SECONDS = 10;

/** A click seeks, a drag marks a region to loop; the wheel scrolls sideways, and zooms with Ctrl. */
export function listenToPointer(player, target) {
  const placeOf = (event) => player.secondsAt((event.clientX - target.getBoundingClientRect().left) / target.clientWidth);
  let began = null;
  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    began = { x: event.clientX, place: placeOf(event), isDrag: false };
    target.setPointerCapture(event.pointerId);
  });
  target.addEventListener("pointermove", (event) => {
    if (!began || (!began.isDrag && Math.abs(event.clientX - began.x) < CLICK_PIXELS)) return;
    began.isDrag = true;
    player.showRegion(began.place, placeOf(event));
  });
  target.addEventListener("pointerup", (event) => {
    if (!began) return;
    if (began.isDrag) player.markRegion(began.place, placeOf(event));
    else player.seek(began.place);
    began = null;
  });
  target.addEventListener("pointercancel", () => (began = null)); // the browser scrolls the page instead
  target.addEventListener("wheel", (event) => {
    const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (event.ctrlKey || event.metaKey) player.zoom(1.0015 ** event.deltaY, placeOf(event));
    else if (sideways) player.scroll(sideways / target.clientWidth);
    else return;
    event.preventDefault();
  }, { passive: false });
}

const OWN = "button, select, input"; // these use space and arrows themselves

export function listenToKeys(player, target) {
  target.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = event.composedPath()[0];
    const action = actions(player, event, from.matches(OWN), from.matches("select, input"));
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation(); // the page has keys of its own
  });
}

function actions(player, { key, shiftKey }, isControl, isField) {
  const step = shiftKey ? FAR_SECONDS : STEP_SECONDS;
  if (/^[1-9]$/.test(key) && !isField) return () => player.chooseNumber(Number(key));
  const anywhere = {
    l: () => player.toggleLoop(),
    "[": () => player.markEdge("start"),
    "]": () => player.markEdge("stop"),
    "+": () => player.zoom(0.5),
    "=": () => player.zoom(0.5),
    "-": () => player.zoom(2),
    0: () => player.showAll(),
    Escape: () => player.clearRegion(),
  };
  const plain = {
    " ": () => player.toggle(),
    ArrowLeft: () => player.seek(player.position - step),
    ArrowRight: () => player.seek(player.position + step),
    ArrowUp: () => player.chooseNext(-1),
    ArrowDown: () => player.chooseNext(1),
    Home: () => player.seek(player.whole.start),
    End: () => player.seek(player.whole.stop),
  };
  const lower = key.length === 1 ? key.toLowerCase() : key;
  if (!isField && anywhere[lower]) return anywhere[lower];
  return isControl ? null : plain[key];
}
