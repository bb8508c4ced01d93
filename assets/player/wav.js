/**
 * A 16-bit WAV file at an address, read in stretches by Range requests. Knows no Web Audio.
 */

const HEADER_BYTES = 4096;
const WAITS_MS = [150, 300, 600, 1200, 2400];

/** The facts in the head of a WAV file: {sampleRate, nChannels, nSamples, dataStart}. Throws if it is not 16-bit PCM. */
export function parseWav(buffer) {
  const view = new DataView(buffer);
  const name = (at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (buffer.byteLength < 44 || name(0) !== "RIFF" || name(8) !== "WAVE") throw new Error("The sound must be a WAV file.");
  let format = null;
  for (let at = 12; at + 8 <= buffer.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (name(at) === "fmt ") {
      format = { nChannels: view.getUint16(at + 10, true), sampleRate: view.getUint32(at + 12, true) };
      if (view.getUint16(at + 8, true) !== 1 || view.getUint16(at + 22, true) !== 16) {
        throw new Error("The sound must be 16-bit PCM.");
      }
    } else if (name(at) === "data" && format) {
      return { ...format, nSamples: Math.floor(size / (2 * format.nChannels)), dataStart: at + 8 };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error("The WAV file must have its samples after a short head.");
}

/**
 * One channel of interleaved 16-bit samples, written into `samples`; ±32767 is full scale, as in
 * musicgen/audio/waveform.py.
 */
export function channelOf({ pcm, nChannels }, channel, samples) {
  const length = Math.min(samples.length, Math.floor(pcm.length / nChannels));
  for (let i = 0, at = channel; i < length; i += 1, at += nChannels) samples[i] = Math.max(pcm[at] / 32767, -1);
  return samples;
}

export class WavSource {
  constructor(url) {
    this.url = url;
    this.aborter = new AbortController();
    this.reading = null;
  }

  /** The head of the file; asked for once. */
  head() {
    this.reading ??= this.bytes(0, HEADER_BYTES).then(parseWav);
    this.reading.catch(() => (this.reading = null));
    return this.reading;
  }

  /** Frames `first` to `first + count`, cut to what exists: {pcm: interleaved Int16Array, nChannels, first}. */
  async frames(first, count) {
    const { nChannels, nSamples, dataStart } = await this.head();
    const start = Math.min(Math.max(first, 0), nSamples);
    const stop = Math.min(Math.max(first + count, start), nSamples);
    if (stop === start) return { pcm: new Int16Array(0), nChannels, first: start };
    const buffer = await this.bytes(dataStart + start * 2 * nChannels, (stop - start) * 2 * nChannels);
    return { pcm: new Int16Array(buffer, 0, Math.floor(buffer.byteLength / 2)), nChannels, first: start };
  }

  /**
   * While a page is drawn again, the server may drop a file for a moment before it is registered again, so an error is
   * tried again a few times.
   */
  async bytes(start, count) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const headers = { Range: `bytes=${start}-${start + count - 1}` };
        // Not cached: what is held of long files is decided here, and a browser's cache may be in memory, too.
        const answer = await fetch(this.url, { headers, signal: this.aborter.signal, cache: "no-store" });
        if (!answer.ok) throw new Error(`The sound could not be loaded (${answer.status}).`);
        const buffer = await answer.arrayBuffer();
        return answer.status === 206 ? buffer : buffer.slice(start, start + count);
      } catch (error) {
        if (this.aborter.signal.aborted || attempt >= WAITS_MS.length) throw error;
        await new Promise((resolve) => setTimeout(resolve, WAITS_MS[attempt]));
      }
    }
  }

  close() {
    this.aborter.abort();
  }
}
