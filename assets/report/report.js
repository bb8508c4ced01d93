/**
 * A report as one file: the sound in it is decoded, and the players get it as WAV files that live in this page only.
 * Stands behind the player's modules, see musicgen/comparison/report_page.py.
 */
const MP3_DELAY = 1105; // samples that an encoder puts in front; most browsers take them off again, by what the file says
const told = JSON.parse(document.getElementById("told").textContent);

/** The bytes of a part of this page, written in base64. */
function bytesOf(name) {
  return Uint8Array.from(atob(document.getElementById(name).textContent), (letter) => letter.charCodeAt(0));
}

async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).blob();
}

/** Decoded sound as a 16-bit WAV file, of exactly the length that the piece had before it was compressed. */
function wavOf(decoded, { n_samples: length, sample_rate: coded }) {
  const { numberOfChannels: nChannels, sampleRate: rate } = decoded;
  const frames = Math.round((length * rate) / coded);
  const delay = Math.round((MP3_DELAY * rate) / coded);
  const first = decoded.length - frames >= delay ? delay : 0;
  const buffer = new ArrayBuffer(44 + 2 * nChannels * frames);
  const view = new DataView(buffer);
  const word = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, buffer.byteLength - 8, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, nChannels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * nChannels * rate, true);
  view.setUint16(32, 2 * nChannels, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, 2 * nChannels * frames, true);
  const pcm = new Int16Array(buffer, 44);
  for (let channel = 0; channel < nChannels; channel += 1) {
    const samples = decoded.getChannelData(channel);
    for (let i = 0; i < frames; i += 1) {
      pcm[i * nChannels + channel] = Math.round(32767 * Math.min(Math.max(samples[first + i] ?? 0, -1), 1));
    }
  }
  return new Blob([buffer], { type: "audio/wav" });
}

async function soundOf(sound) {
  const rate = Math.min(Math.max(sound.sample_rate, 8000), 96000);
  const context = new OfflineAudioContext(sound.n_channels, 1, rate);
  const decoded = await context.decodeAudioData(bytesOf(sound.file).buffer);
  return { url: URL.createObjectURL(wavOf(decoded, sound)), content: sound.file, sample_rate: rate, n_channels: sound.n_channels, grows: false };
}

async function picturesOf(files) {
  const made = Object.entries(files).map(async ([name, file]) => [name, URL.createObjectURL(await unzipped(bytesOf(file)))]);
  return Object.fromEntries(await Promise.all(made));
}

/** A player in the element `place`, with the lanes and passages that it is `told`. */
async function open({ place = "player", lanes: wanted, window: shown, regions }) {
  const player = new Player();
  const choice = document.getElementById("same-loudness");
  const element = document.getElementById(place);
  element.append(player.element);
  player.element.player = player; // for tests, and for looking into it
  let lanes = wanted.map((lane) => ({ ...lane, pictures: {}, sound: null }));
  const show = () => {
    const loud = lanes.map((lane) => ({ ...lane, gain_db: choice?.checked ? lane.matched_db : 0 }));
    player.update({ lanes: loud, window: shown, regions, slider: null, offers_excerpt: false }, () => {});
  };
  const change = (id, parts) => {
    lanes = lanes.map((lane) => (lane.id === id ? { ...lane, ...parts } : lane));
    show();
  };
  choice?.addEventListener("change", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => player.redraw());
  show();
  for (const { id, pictures } of wanted) change(id, { pictures: await picturesOf(pictures) });
  for (const { id, sound } of wanted) change(id, { sound: await soundOf(sound) }); // one after the other: large
  element.dataset.state = "ready";
}

async function openAll() {
  for (const each of told.players ?? [told]) await open(each);
}

openAll().catch((error) => {
  const words = document.getElementById("trouble");
  words.textContent = `This browser cannot play the report (${error.message ?? error}). Try a newer Chromium, Firefox or Safari.`;
  words.hidden = false;
});
