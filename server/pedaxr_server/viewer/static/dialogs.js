// The two dialogs: the keys, and the access token.

import { byId, el, put } from "./dom.js";
import { t } from "./words.js";

const KEYS = [
  ["/", "key_search"],
  ["↑ ↓ Enter", "key_choose"],
  [", .", "key_study"],
  ["+ −", "key_zoom", "key_wheel"],
  ["0", "key_fit"],
  ["a", "key_actual"],
  ["← → ↑ ↓", "key_pan"],
  ["w", "key_window", "key_rightDrag"],
  ["1 2 3 4 5", "key_presets"],
  ["r", "key_reset"],
  ["i", "key_invert"],
  ["f", "key_flip"],
  ["m", "key_measure"],
  ["⌫", "key_lastRuler"],
  ["o", "key_overlay"],
  ["[ ]", "key_opacity"],
  ["s", "key_structures"],
  ["p", "key_prior"],
  ["b e g", "key_pens"],
  ["u", "key_undo"],
  ["d", "key_aim"],
  ["c Enter", "key_corner"],
  ["Tab", "key_sentence"],
  ["Esc", "key_close"],
];

/** Show what the keys do. */
export function showKeys() {
  put(
    byId("keys-list"),
    KEYS.map(([keys, meaning, pointer]) => [
      el("dt", {}, keys.split(" ").map((key) => el("kbd", {}, key)), pointer ? el("span", {}, ` ${t(pointer)}`) : null),
      el("dd", {}, t(meaning)),
    ]),
  );
  byId("keys").showModal();
}

let asking = null;

/** Ask for a token; what is typed goes to the caller and is not kept here. Several askers share one question. */
export function askToken(why) {
  asking ??= question(why).finally(() => (asking = null));
  return asking;
}

function question(why) {
  const dialog = byId("token");
  const field = byId("token-field");
  byId("token-why").textContent = t(why === "refused" ? "tokenRefused" : "tokenWanted");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const token = dialog.returnValue === "go" ? field.value.trim() : "";
      field.value = "";
      resolve(token || null);
    }, { once: true });
  });
}
