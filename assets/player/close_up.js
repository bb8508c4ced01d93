/**
 * The samples themselves, for a waveform so close that the envelope would be steps: read from the sound file, a little more
 * than is in view, once the view has come to rest.
 */
import { WavSource } from "./wav.js";

const REST_MS = 120;

export class CloseUp {
  constructor(onReady) {
    this.onReady = onReady;
    this.source = null;
    this.part = null; // {pcm, nChannels, first, sampleRate}
    this.timer = 0;
  }

  /** The samples of `view` (seconds of the lane), or null while they are on their way. */
  samples(sound, view) {
    if (this.source?.url !== sound.url) {
      this.close();
      this.source = new WavSource(sound.url);
    }
    const { part } = this;
    const last = part && part.first + part.pcm.length / part.nChannels;
    const isInside = part && view.start * part.sampleRate >= part.first - 1 && view.stop * part.sampleRate <= last + 1;
    if (isInside || (part?.isAll && view.start < last / part.sampleRate)) return part;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(view), REST_MS);
    return null;
  }

  async load(view) {
    const { source } = this;
    try {
      const { sampleRate, nSamples } = await source.head();
      const around = (view.stop - view.start) / 2;
      const first = Math.max(Math.floor((view.start - around) * sampleRate), 0);
      const count = Math.ceil((view.stop + around) * sampleRate) - first;
      const part = await source.frames(first, Math.max(count, 1));
      if (source !== this.source) return;
      this.part = { ...part, sampleRate, isAll: first + count >= nSamples };
      this.onReady();
    } catch {
      // The envelope stays; playing tells what is wrong with the file.
    }
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = this.part = null;
  }
}
