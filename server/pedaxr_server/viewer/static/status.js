// What the page waits for, with the seconds it has taken, and what went wrong.

import { byId, el, put } from "./dom.js";
import { currentLanguage, t } from "./words.js";

// What the same film or the same question meets again however often it is tried.
const FOR_GOOD = ["not_an_abdominal_film", "other_body_part", "unreadable_image", "invalid_request", "study_not_found"];

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

/** The server's own words, which it has in English alone; on the Korean page that is said. */
function inItsWords(message) {
  if (!message) return t("error_unknown");
  return currentLanguage() === "ko" && !/[가-힣]/.test(message) ? `${t("saidInEnglish")} ${message}` : message;
}

/** Say what went wrong; `again` tries once more. */
export function fail(error, again = null) {
  const known = t(`error_${error.code}`);
  const text = known.startsWith("error_") ? inItsWords(error.message) : known;
  const retry = () => {
    byId("failure").hidden = true;
    again();
  };
  put(
    byId("failure"),
    el("p", {}, text),
    again && !FOR_GOOD.includes(error.code) ? el("button", { type: "button", onclick: retry }, t("retry")) : null,
  );
  byId("failure").hidden = false;
}
