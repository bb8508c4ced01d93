/**
 * The sound of one lane as AudioBuffers of three seconds at the rate of the audio context. Only a few are held, so that
 * six lanes of five minutes fit into a browser.
 */
import { margin, resample } from "./resampling.js";
import { channelOf } from "./wav.js";

export const STRETCH_SECONDS = 3;
export const HELD = 4; // stretches per lane

export class Stretches {
  /** `onReady` is called when a stretch has arrived; `onError(error)` when one cannot be loaded. */
  constructor(source, rate, onReady, onError) {
    this.source = source;
    this.rate = rate;
    this.onReady = onReady;
    this.onError = onError;
    this.size = STRETCH_SECONDS * rate;
    this.held = new Map(); // number → AudioBuffer, oldest use first
    this.loading = new Map();
    this.head = null;
    this.opening = null;
  }

  /** Length in frames of the context, once the head of the file is known; 0 until then. */
  get length() {
    return this.head ? Math.floor((this.head.nSamples * this.rate) / this.head.sampleRate) : 0;
  }

  /** Read the head of the file. Until it is known, that of the file before this one holds. */
  open() {
    const { source } = this;
    this.opening ??= source.head().then(
      (head) => {
        if (source === this.source) this.head = head;
      },
      (error) => {
        this.opening = null; // the next one tries again
        throw error;
      },
    );
    return this.opening;
  }

  /** The stretch, if it is here; otherwise it is asked for. */
  get(number) {
    const found = this.held.get(number);
    if (found) {
      this.held.delete(number);
      this.held.set(number, found);
      return found;
    }
    this.load(number);
    return null;
  }

  load(number) {
    if (!this.loading.has(number) && !this.held.has(number)) {
      const work = this.make(number).then(
        (buffer) => {
          if (this.loading.get(number) !== work) return; // the file was replaced meanwhile
          this.loading.delete(number);
          this.held.set(number, buffer);
          while (this.held.size > HELD) this.held.delete(this.held.keys().next().value);
          this.onReady();
        },
        (error) => {
          if (this.loading.get(number) !== work) return;
          this.loading.delete(number);
          if (!this.source.aborter.signal.aborted) this.onError(error);
        },
      );
      this.loading.set(number, work);
    }
    return this.loading.get(number) ?? Promise.resolve();
  }

  async make(number) {
    await this.open();
    const { sampleRate, nChannels } = this.head;
    const first = number * this.size;
    const count = Math.max(Math.min(this.size, this.length - first), 1);
    const around = margin(sampleRate, this.rate);
    const inputFirst = Math.max(Math.floor((first * sampleRate) / this.rate) - around, 0);
    const inputStop = Math.ceil(((first + count) * sampleRate) / this.rate) + around;
    const input = await this.source.frames(inputFirst, inputStop - inputFirst);
    const buffer = new AudioBuffer({ length: count, numberOfChannels: nChannels, sampleRate: this.rate });
    for (let channel = 0; channel < nChannels; channel += 1) {
      const output = buffer.getChannelData(channel); // written in place: long files would leave much to collect
      if (sampleRate === this.rate) channelOf(input, channel, output);
      else {
        const samples = channelOf(input, channel, new Float32Array(inputStop - inputFirst));
        resample(samples, inputFirst, sampleRate, this.rate, first, output);
        await new Promise((resolve) => setTimeout(resolve, 0)); // let the page breathe
      }
    }
    return buffer;
  }

  /** A newer file at another address. If it only continues the old one, its whole stretches are kept. */
  replace(source, isContinued) {
    this.source.close();
    this.source = source;
    this.loading.clear();
    const whole = isContinued ? Math.floor(this.length / this.size) - 1 : 0; // the last ones may be changed by the end
    for (const number of [...this.held.keys()]) if (number >= whole) this.held.delete(number);
    this.opening = null;
    return this.open();
  }

  close() {
    this.source.close();
    this.held.clear();
    this.loading.clear();
  }
}
