/** Gain curves that cannot be heard as clicks. */

export const SWITCH_SECONDS = 0.008;
export const FADE_SECONDS = 0.005;
const POINTS = 129;

/**
 * Equal power: the squares of both curves add up to 1 at every moment. The angle starts and ends with slope 0, because
 * a corner in a gain is a small click.
 */
function curve(shape) {
  return Float32Array.from({ length: POINTS }, (_, i) => {
    const x = i / (POINTS - 1);
    return shape((Math.PI / 2) * (x ** 3 * (10 - 15 * x + 6 * x * x)));
  });
}

export const RISE = curve(Math.sin);
export const FALL = curve(Math.cos);

export function decibelsToGain(db) {
  return 10 ** (db / 20);
}
