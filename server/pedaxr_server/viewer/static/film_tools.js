// Two tools of the film that need a list or the server: the window presets, and the overlay as a file.

import { byId, el, put, saveAs } from "./dom.js";
import { PRESETS } from "./film_window.js";
import { state } from "./look.js";
import { studyUri } from "./replies.js";
import { fail, wait } from "./status.js";
import { t } from "./words.js";

/** The presets in the reader's language; what is chosen stays. */
export function showPresets() {
  const chosen = byId("preset").value || "full";
  put(byId("preset"), el("option", { value: "" }, t("preset_own")), PRESETS.map((name) => el("option", { value: name }, t(`preset_${name}`))));
  byId("preset").value = chosen;
}

/** The overlay as a file: the film at its own size with everything outlined. */
export async function savePicture(server) {
  const { study } = state;
  if (!study) return;
  wait("drawing");
  try {
    const picture = await server.readResource(studyUri(study.study_id, "overlay.png"));
    if (state.study === study) saveAs(picture, `${study.study_id}-overlay.png`);
  } catch (error) {
    fail(error, () => savePicture(server));
  } finally {
    wait(null);
  }
}
