/**
 * What Streamlit calls: with the same parent for every rerun that changes the data, and at every change of the theme. The
 * player is made once for a parent and lives until the returned function is called.
 */
import { Player } from "./player.js";

const players = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let player = players.get(parentElement);
  if (!player) {
    player = new Player();
    players.set(parentElement, player);
    parentElement.append(player.element);
    player.element.player = player; // for tests, and for looking into it
  }
  player.update(data, setTriggerValue);
  return () => {
    players.delete(parentElement);
    player.close();
  };
}
