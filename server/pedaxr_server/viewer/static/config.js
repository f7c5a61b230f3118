// What the server wrote into the page: mode, vocabulary, version. No patient data.

const CONFIG = JSON.parse(document.getElementById("config").textContent);

export const isApp = CONFIG.mode === "app";
export const isDemo = CONFIG.isDemo;
export const needsLogin = CONFIG.needsLogin;
export const takesFilms = CONFIG.takesFilms;
export const version = CONFIG.version;
export const endpoint = CONFIG.endpoint;
export const FINDINGS = CONFIG.findings;
export const STRUCTURES = CONFIG.structures;

/** A finding's or structure's name in a language; one that the vocabulary lacks is shown as it came. */
export function termOf(name, language) {
  return CONFIG.terms[name]?.[language] ?? String(name);
}

/** The colour that a finding or structure is drawn in. */
export function colourOf(name) {
  return CONFIG.terms[name]?.colour ?? "#a0a0a0";
}
