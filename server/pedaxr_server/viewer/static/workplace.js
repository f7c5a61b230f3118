// What the page does besides showing: worklist, versions, signing, annotations. Not part of the App in a chat host.

import { Annotating } from "./annotating.js";
import { needsLogin, takesFilms } from "./config.js";
import { byId, el, put } from "./dom.js";
import { dropZone, listenToDrops, readFile } from "./dropped.js";
import { studyUri } from "./replies.js";
import { askSignature, signingButton } from "./signing.js";
import { showStart } from "./start_page.js";
import { showVersions } from "./versions.js";
import { currentLanguage, t } from "./words.js";

/** @param page {server, state, film, setTool(name), openById, search(name), showReport(report), showVersion(report id), showFile(name, answer or null), wait(key), fail} */
export function startWorkplace(page) {
  return new Workplace(page);
}

class Workplace {
  #page;
  #annotating;
  #list = null;
  #teaching = null; // in place of the list, when the films are wanted by what they would teach
  #isWanted = !needsLogin; // with a login the list is asked for by a click, so that the page does not begin with a question

  constructor(page) {
    this.#page = page;
    this.#annotating = new Annotating(page);
    byId("annotate-open").addEventListener("click", () => this.#annotating.open());
    if (takesFilms) listenToDrops((file) => this.#take(file));
  }

  /** The page before a film. */
  async start() {
    this.#draw();
    if (!this.#isWanted) return;
    try {
      this.#list = await this.#page.server.readResource("pedaxr://worklist");
    } catch (error) {
      this.#list = null;
      if (error.code !== "forbidden") this.#page.fail(error, () => this.start());
    }
    this.#draw();
  }

  #draw() {
    const { state, openById, search } = this.#page;
    if (state.patient || state.study || state.answer) return;
    const load = this.#isWanted ? null : () => ((this.#isWanted = true), this.start());
    showStart(byId("answer"), this.#list, this.#teaching, { open: openById, search, load, teach: (is) => this.#teach(is) });
    if (!takesFilms) return;
    const zone = dropZone((file) => this.#take(file));
    const orders = byId("answer").querySelector(".orders");
    if (orders) orders.before(zone); // not under a list of fifty films
    else byId("answer").append(zone);
  }

  /** A film that belongs to no study. */
  async #take(file) {
    const { server, showFile, wait, fail } = this.#page;
    const isStill = showFile(file.name, null);
    try {
      wait("outlining");
      const answer = await readFile(server, file);
      if (isStill()) showFile(file.name, answer);
    } catch (error) {
      if (isStill()) fail(error);
    } finally {
      wait(null);
    }
  }

  async #teach(isWanted) {
    this.#teaching = null;
    try {
      if (isWanted) this.#teaching = await this.#page.server.call("workplace/teaching");
    } catch (error) {
      this.#page.fail(error, () => this.#teach(isWanted));
    }
    this.#draw();
  }

  /** A report is on screen. */
  report(report) {
    if (this.#page.state.study?.isFile) return;
    const { showVersion } = this.#page;
    put(
      byId("acts"),
      signingButton(report, { sign: () => this.#sign(report, "finalise"), amend: () => this.#sign(report, "amend") }),
      el("button", { type: "button", onclick: () => this.#copy() }, t("copyText")),
      report.version > 1 || report.newer_draft || report.signed_report
        ? el("button", { type: "button", onclick: () => this.#versions(report, showVersion) }, t("versions")) : null,
    );
    put(byId("versions"));
    byId("acts").hidden = false;
  }

  /** Outlines are on screen: they can be corrected. */
  outlines() {
    byId("annotate-open").hidden = Boolean(this.#page.state.study?.isFile);
  }

  /** Neither outlines nor a report are on screen any more. */
  leave() {
    byId("annotate-open").hidden = true;
    this.#annotating.close();
    byId("acts").hidden = true;
    put(byId("versions"));
    if (byId("signature").open) byId("signature").close(); // it is about another film
  }

  #sign(report, act) {
    const { server, state, showReport } = this.#page;
    const { study, patient } = state;
    const born = patient?.patient_birth_date ? `${t("born")} ${patient.patient_birth_date}` : null;
    const taken = study.study_date ? `${t("film")} ${study.study_date}` : null;
    const who = [patient?.patient_name, born, taken, study.study_id].filter(Boolean).join(" · ");
    askSignature(report, who, async (given) => {
      await server.call(`workplace/reports/${encodeURIComponent(report.report_id)}/${act}`, given);
      const stands = await server.readResource(studyUri(study.study_id, "report.json"));
      if (state.study === study) showReport(stands);
    });
  }

  async #versions(report, showVersion) {
    const { server, state, fail } = this.#page;
    const { study } = state;
    try {
      const { reports } = await server.readResource(studyUri(study.study_id, "reports.json"));
      if (state.study === study) showVersions(byId("versions"), reports, report, { show: showVersion });
    } catch (error) {
      fail(error);
    }
  }

  async #copy() {
    const { server, state, fail } = this.#page;
    try {
      const name = currentLanguage() === "ko" ? "report.ko.txt" : "report.txt";
      await navigator.clipboard.writeText(await server.readResource(studyUri(state.study.study_id, name)));
      put(byId("versions"), el("p", { role: "status" }, t("copied")));
    } catch (error) {
      fail(error);
    }
  }
}
