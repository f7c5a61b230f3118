// One study: fetch its film, then its outlines, then its report, and say what is being waited for.

import { studyUri } from "./replies.js";

export class Reading {
  #server;
  #screen;
  #stop = new AbortController();
  #kept = new Map(); // study id -> {film, outlines}, so that going back and comparing cost nothing

  /** @param screen {film, outlines, report, waiting(key or null), failed(error, again)}: shows what came. */
  constructor(server, screen) {
    this.#server = server;
    this.#screen = screen;
  }

  /** Show a study. `given` holds what is known already: {outlines, report}. What came before is dropped. */
  async open(studyId, given = {}) {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const screen = this.#screenUntil(signal);
    if (given.outlines) screen.outlines(given.outlines);
    if (given.report) screen.report(given.report);
    try {
      screen.waiting("loadingFilm");
      screen.film(await this.film(studyId, signal));
      screen.waiting("outlining");
      screen.outlines(await this.outlines(studyId, signal));
      if (!given.report) {
        screen.waiting("drafting");
        screen.report(await this.#report(studyId, signal));
      }
    } catch (error) {
      if (error.name !== "AbortError") screen.failed(error, () => this.open(studyId, given));
    } finally {
      screen.waiting(null);
    }
  }

  /** Nothing is shown any more of what is still on its way. */
  close() {
    this.#stop.abort();
  }

  /** Draft again with a reason for the film. */
  async redraft(studyId, indication) {
    const { signal } = this.#stop;
    const screen = this.#screenUntil(signal);
    const args = { study_id: studyId, ...(indication ? { indication } : {}) };
    try {
      screen.waiting("drafting");
      const draft = await this.#server.callTool("generate_report", args, { signal });
      // The signed report stays on screen; it names the new draft.
      screen.report(draft.signed_report ? await this.#stored(studyId, signal) : draft);
    } catch (error) {
      if (error.name !== "AbortError") screen.failed(error, () => this.redraft(studyId, indication));
    } finally {
      screen.waiting(null);
    }
  }

  async film(studyId, signal) {
    return this.#once(studyId, "film", async () => {
      const picture = await this.#server.readResource(studyUri(studyId, "image.png"), { signal });
      return createImageBitmap(picture);
    });
  }

  async outlines(studyId, signal) {
    return this.#once(studyId, "outlines", () =>
      this.#server.readResource(studyUri(studyId, "segmentation.json"), { signal }));
  }

  /** Every stored version of a study's report, oldest first; each says which one is signed and which is newer. */
  async versions(studyId) {
    return (await this.#server.readResource(studyUri(studyId, "reports.json"))).reports;
  }

  /** What a report says in Korean; null when the study's latest is another one by now. */
  async korean({ study_id: studyId, report_id: reportId }) {
    const told = await this.#once(reportId, "korean", () => this.#server.readResource(studyUri(studyId, "report.ko.json")));
    return told.report_id === reportId ? told : null;
  }

  /** The stored report; a study without one gets its first draft. */
  async #report(studyId, signal) {
    try {
      return await this.#stored(studyId, signal);
    } catch (error) {
      if (!error.code.endsWith("not_found")) throw error;
    }
    return this.#server.callTool("generate_report", { study_id: studyId }, { signal });
  }

  #stored(studyId, signal) {
    return this.#server.readResource(studyUri(studyId, "report.json"), { signal });
  }

  async #once(studyId, kind, fetchIt) {
    const kept = this.#kept.get(studyId) ?? {};
    kept[kind] ??= await fetchIt();
    this.#kept.set(studyId, { ...this.#kept.get(studyId), ...kept });
    return kept[kind];
  }

  /** The screen, deaf once another study is opened. */
  #screenUntil(signal) {
    const heard = (show) => (...args) => signal.aborted || show(...args);
    return Object.fromEntries(Object.entries(this.#screen).map(([name, show]) => [name, heard(show)]));
  }
}
