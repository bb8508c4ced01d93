/**
 * The page's one audio context, and which player has it. It is made at the first click on a play button, because browsers
 * allow no sound before, at the rate of the files if they agree, so that nothing is resampled.
 */
const shared = { context: null, owner: null };
const FALLBACK_RATE = 44100;
const IDLE_MS = 4000;

/** The context for a player that is about to play; any other player pauses. `rates`: of its files, in Hz. */
export function takeContext(player, rates) {
  if (shared.owner !== player) shared.owner?.pause();
  const wanted = Math.max(...rates, 0) || FALLBACK_RATE;
  const rate = Math.min(Math.max(wanted, 8000), 96000);
  if (shared.context && shared.owner !== player && shared.context.sampleRate !== rate) {
    shared.context.close();
    shared.context = null;
  }
  shared.context ??= new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
  shared.owner = player;
  shared.context.resume();
  return shared.context;
}

/** Nothing sounds any more: after a while the sound card is let go, too. */
export function restContext(player) {
  setTimeout(() => {
    if (shared.owner === player && !player.isPlaying) shared.context?.suspend();
  }, IDLE_MS);
}

export function leaveContext(player) {
  if (shared.owner === player) {
    shared.owner = null;
    shared.context?.suspend();
  }
}
