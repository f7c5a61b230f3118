// The page's address names the study on screen, so that Back, Forward and a copied link mean what they show.

import { byId } from "./dom.js";

/** The study that the address names, or null. */
export function addressedStudy() {
  const name = location.hash.slice(1);
  try {
    return decodeURIComponent(name) || null;
  } catch {
    return name; // no id of ours: nothing will be found under it, and the page says so
  }
}

/** Name a study (null: none) in the address, as a step that Back undoes. */
export function setAddress(studyId) {
  if (addressedStudy() === studyId) return;
  history.pushState(null, "", studyId ? `#${encodeURIComponent(studyId)}` : `${location.pathname}${location.search}`);
}

/** Call `follow(study id or null)` when the address changes by other means than ours; the page's name leads to its start. */
export function onAddress(follow) {
  window.addEventListener("hashchange", () => follow(addressedStudy()));
  const home = byId("home");
  home.href = location.pathname;
  home.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into a tab of its own
    event.preventDefault();
    follow(null);
  });
}
