// What the page waits for, with the seconds it has taken, and what went wrong.

import { byId, el, put } from "./dom.js";
import { t } from "./words.js";

let ticking = 0;

/** Say what is being waited for, by the key of its text; null: nothing. */
export function wait(key) {
  clearInterval(ticking);
  byId("status").hidden = !key;
  if (!key) return;
  byId("failure").hidden = true;
  const start = performance.now();
  const tick = () => (byId("seconds").textContent = `${Math.round((performance.now() - start) / 1000)} s`);
  byId("status-text").textContent = `${t(key)} …`;
  tick();
  ticking = setInterval(tick, 500);
}

/** Say what went wrong; `again` tries once more. */
export function fail(error, again = null) {
  const known = t(`error_${error.code}`);
  const text = known.startsWith("error_") ? error.message || t("error_unknown") : known;
  const retry = () => {
    byId("failure").hidden = true;
    again();
  };
  put(
    byId("failure"),
    el("p", {}, text),
    again ? el("button", { type: "button", onclick: retry }, t("retry")) : null,
  );
  byId("failure").hidden = false;
}
