/**
 * Pictures of a lane on a canvas. `view`: {start, stop} in seconds of the lane; `area`: {context, width, height, colours}
 * in pixels of the screen. Knows neither lanes nor sound.
 */

/** Lowest and highest sample of each column; the louder of all channels in front of each other. */
export function drawWaveform({ context, width, height, colours }, data, view, colour, gain) {
  const { bucket, sample_rate: rate, arrays } = data;
  const [nChannels, n] = arrays.low.shape;
  const middle = height / 2;
  const scale = (middle * gain) / 32767;
  context.fillStyle = colours.line;
  context.fillRect(0, Math.round(middle), width, 1);
  context.fillStyle = colour;
  const perPixel = ((view.stop - view.start) * rate) / bucket / width;
  const origin = (view.start * rate) / bucket;
  for (let x = 0; x < width; x += 1) {
    const first = Math.max(Math.floor(origin + x * perPixel), 0);
    const last = Math.min(Math.max(Math.ceil(origin + (x + 1) * perPixel), first + 1), n);
    let low = 0;
    let high = 0;
    for (let channel = 0; channel < nChannels; channel += 1) {
      for (let i = first; i < last; i += 1) {
        low = Math.min(low, arrays.low.values[channel * n + i]);
        high = Math.max(high, arrays.high.values[channel * n + i]);
      }
    }
    if (first >= last) continue;
    const top = Math.max(middle - high * scale, 0);
    context.fillRect(x, top, 1, Math.max(Math.min(middle - low * scale, height) - top, 1));
  }
}

/** Whether the envelope has less than one interval for each pixel. */
export function isTooClose(width, data, view) {
  return ((view.stop - view.start) * data.sample_rate) / data.bucket < width;
}

/** The samples themselves, joined by a line: {pcm: interleaved, nChannels, first, sampleRate}. */
export function drawSamples({ context, width, height, colours, ratio }, part, view, colour, gain) {
  const { pcm, nChannels, first, sampleRate } = part;
  const middle = height / 2;
  context.fillStyle = colours.line;
  context.fillRect(0, Math.round(middle), width, 1);
  context.strokeStyle = colour;
  context.lineWidth = ratio;
  const perSample = width / ((view.stop - view.start) * sampleRate);
  const from = Math.max(Math.floor(view.start * sampleRate) - first, 0);
  const to = Math.min(Math.ceil(view.stop * sampleRate) - first + 1, pcm.length / nChannels);
  for (let channel = 0; channel < nChannels; channel += 1) {
    context.beginPath();
    for (let i = from; i < to; i += 1) {
      const y = middle - (pcm[i * nChannels + channel] / 32767) * gain * middle;
      context.lineTo((first + i - view.start * sampleRate) * perSample, y);
    }
    context.stroke();
  }
}

// From silence to full scale; the same in light and dark, as in a photograph.
const SPECTRUM = [
  [0, 20, 18, 31],
  [0.25, 52, 42, 110],
  [0.5, 111, 79, 192],
  [0.75, 214, 111, 164],
  [0.92, 246, 185, 138],
  [1, 253, 243, 214],
];
const RANGE_DB = 80;

function spectrumTable() {
  const table = new Uint8ClampedArray(256 * 4);
  for (let i = 0; i < 256; i += 1) {
    const place = SPECTRUM.findIndex(([at]) => at >= i / 255) || 1;
    const [below, above] = [SPECTRUM[place - 1], SPECTRUM[place]];
    const share = (i / 255 - below[0]) / (above[0] - below[0]);
    for (let c = 0; c < 3; c += 1) table[4 * i + c] = below[c + 1] + share * (above[c + 1] - below[c + 1]);
    table[4 * i + 3] = 255;
  }
  return table;
}

const TABLE = spectrumTable();

/** The loudest level, dB, for a scale that all lanes share. */
export function loudest(data, gainDb) {
  let most = 0;
  for (const value of data.arrays.level.values) most = Math.max(most, value);
  return (most / 255) * -data.floor_db + data.floor_db + gainDb;
}

/** Level over time and log frequency: one image of all columns, stretched to the view. */
export function drawSpectrogram({ context, width, height }, data, view, { gainDb, top }) {
  const [nBands, nColumns] = data.arrays.level.shape;
  const key = `${gainDb} ${top}`;
  if (data.image?.key !== key) {
    const pixels = new ImageData(nColumns, nBands);
    const { values } = data.arrays.level;
    const step = -data.floor_db / 255;
    for (let band = 0; band < nBands; band += 1) {
      for (let column = 0; column < nColumns; column += 1) {
        const level = values[band * nColumns + column] * step + data.floor_db + gainDb;
        const colour = 4 * Math.round(255 * Math.min(Math.max((level - top) / RANGE_DB + 1, 0), 1));
        const at = 4 * ((nBands - 1 - band) * nColumns + column);
        for (let c = 0; c < 4; c += 1) pixels.data[at + c] = TABLE[colour + c];
      }
    }
    const canvas = new OffscreenCanvas(nColumns, nBands);
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    data.image = { key, canvas };
  }
  const seconds = data.column_seconds;
  const perSecond = width / (view.stop - view.start);
  context.imageSmoothingEnabled = true;
  context.drawImage(data.image.canvas, -view.start * perSecond, 0, nColumns * seconds * perSecond, height);
}

/** Notes as bars: the voice as colour, the velocity as shade. `hues`: colours of the tracks, or one for all. */
export function drawRoll({ context, width, height, colours }, data, view, { hues, low, high }) {
  const { onset, offset, pitch, velocity, track } = data.arrays;
  const perSecond = width / (view.stop - view.start);
  const row = height / (high - low + 1);
  context.fillStyle = colours.line;
  for (let c = Math.ceil(low / 12) * 12; c <= high; c += 12) context.fillRect(0, (high - c + 1) * row, width, 1);
  const n = onset.values.length;
  for (let i = 0; i < n; i += 1) {
    if (offset.values[i] < view.start || onset.values[i] > view.stop) continue;
    const x = (onset.values[i] - view.start) * perSecond;
    const long = Math.max((offset.values[i] - onset.values[i]) * perSecond - 1, 1.5);
    context.globalAlpha = 0.35 + (0.65 * velocity.values[i]) / 127;
    context.fillStyle = hues[track.values[i] % hues.length];
    context.fillRect(x, (high - pitch.values[i]) * row + row * 0.1, long, Math.max(row * 0.8, 1.5));
  }
  context.globalAlpha = 1;
}

/** Lowest and highest pitch, for an axis that all lanes share. */
export function reach(data) {
  let [low, high] = [127, 0];
  for (const value of data.arrays.pitch.values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low > high ? [60, 72] : [low, high];
}

const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];

/** The time axis: marks at round times, about 90 pixels apart. A label that would not fit stands left of its mark. */
export function drawRuler({ context, width, height, colours, ratio }, view) {
  const seconds = view.stop - view.start;
  const step = STEPS.find((each) => (each * width) / seconds >= 90 * ratio) ?? 3600;
  context.fillStyle = colours.text;
  context.font = `${11 * ratio}px ${colours.font}`;
  context.textBaseline = "top";
  for (let mark = Math.ceil(view.start / step); mark * step <= view.stop; mark += 1) {
    const x = Math.round(((mark * step - view.start) * width) / seconds);
    context.fillRect(x, height - 5 * ratio, 1, 5 * ratio);
    const label = clock(mark * step, step);
    const [gap, long] = [3 * ratio, context.measureText(label).width];
    context.fillText(label, x + gap + long > width ? x - gap - long : x + gap, 2 * ratio);
  }
}

/** 75.3 → 1:15.3; as many decimals as the step of the axis needs. */
export function clock(seconds, step = 0.1) {
  const decimals = Math.min(Math.max(Math.ceil(-Math.log10(step) - 1e-9), 0), 3);
  const sign = seconds < -1e-9 ? "−" : "";
  const whole = Math.abs(Number(seconds.toFixed(decimals)));
  const rest = (whole % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return `${sign}${Math.floor(whole / 60)}:${rest}`;
}
