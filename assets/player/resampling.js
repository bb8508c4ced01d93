/**
 * Sound from one sample rate to another, in pieces that join without a seam: every output sample is computed from its
 * own place in the input, so a piece is the same wherever the cuts are. (A browser resamples each buffer by itself
 * and linearly; its joints click.)
 */

export const HALF_WIDTH = 24; // input samples on each side of a place, at equal rates; more when the rate is lowered
const PHASES = 512;
const BETA = 9; // Kaiser window: side lobes below -90 dB

/** Modified Bessel function of the first kind, order 0. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const kernels = new Map();

/** {half, table}: a windowed sinc, `table[i]` at i / PHASES input samples from its middle. */
function kernel(inputRate, outputRate) {
  const cutoff = Math.min(1, outputRate / inputRate);
  if (!kernels.has(cutoff)) {
    const half = Math.ceil(HALF_WIDTH / cutoff);
    const table = new Float64Array(half * PHASES + 2);
    for (let i = 0; i <= half * PHASES; i += 1) {
      const x = i / PHASES;
      const angle = Math.PI * x * cutoff * 0.96; // a little below the limit, so that the slope does not reach beyond it
      const sinc = i === 0 ? 1 : Math.sin(angle) / angle;
      table[i] = 0.96 * cutoff * sinc * (bessel(BETA * Math.sqrt(Math.max(1 - (x / half) ** 2, 0))) / bessel(BETA));
    }
    kernels.set(cutoff, { half, table });
  }
  return kernels.get(cutoff);
}

/** How many input samples a piece needs before and after it. */
export function margin(inputRate, outputRate) {
  return inputRate === outputRate ? 0 : kernel(inputRate, outputRate).half + 1;
}

/**
 * Fill `output` with samples `first` and on of one channel; sample n lies at n · inputRate / outputRate of the input.
 * `input` begins at input sample `inputFirst`; outside it there is silence.
 */
export function resample(input, inputFirst, inputRate, outputRate, first, output) {
  const { half, table } = kernel(inputRate, outputRate);
  for (let n = 0; n < output.length; n += 1) {
    const place = ((first + n) * inputRate) / outputRate - inputFirst;
    const from = Math.max(Math.ceil(place - half), 0);
    const to = Math.min(Math.floor(place + half), input.length - 1);
    let sum = 0;
    for (let i = from; i <= to; i += 1) {
      const at = Math.abs(place - i) * PHASES;
      const below = at | 0;
      sum += input[i] * (table[below] + (at - below) * (table[below + 1] - table[below]));
    }
    output[n] = sum;
  }
}
