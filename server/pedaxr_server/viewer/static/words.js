// What the page says, in English and Korean. What the server says (reports, errors) is shown as it came.

import { termOf } from "./config.js";
import { ENGLISH } from "./words_english.js";
import { KOREAN, KOREAN_PHRASES } from "./words_korean.js";

const WORDS = { en: ENGLISH, ko: KOREAN };

let language = navigator.language?.startsWith("ko") ? "ko" : "en";

export const currentLanguage = () => language;

/** Switch; the caller draws anew what is on screen. */
export function setLanguage(name) {
  language = name in WORDS ? name : "en";
  document.documentElement.lang = language;
}

/** A text of the page; {0}, {1} are filled in. */
export function t(key, ...values) {
  const text = WORDS[language][key] ?? ENGLISH[key] ?? key;
  return text.replace(/\{(\d)\}/g, (_, i) => String(values[i]));
}

/** A finding's or structure's name. */
export const term = (name) => termOf(name, language);

/** A fixed phrase of the server in the reader's language; any other text stays as it is. */
export const phrase = (text) => (language === "ko" ? (KOREAN_PHRASES[text] ?? text) : text);

/** How sure a network was, in words: the figure stays in the data. */
export const sureness = (share) => t(share >= 0.9 ? "sure_high" : share >= 0.7 ? "sure_moderate" : "sure_low");

/** A probability in words. */
export function chanceOf(share) {
  if (share === null || share === undefined) return t("presence_not_assessed");
  const steps = [[0.9, "very_likely"], [0.6, "likely"], [0.4, "open"], [0.1, "unlikely"], [0, "very_unlikely"]];
  return t(`chance_${steps.find(([least]) => share >= least)[1]}`);
}

/** Fill every element that names its text (data-t), its tooltip and label (data-t-title), its hint. */
export function applyWords(root = document) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-hint]")) node.placeholder = t(node.dataset.tHint);
  for (const node of root.querySelectorAll("[data-t-title]")) {
    node.title = t(node.dataset.tTitle);
    node.setAttribute("aria-label", node.title);
  }
}
