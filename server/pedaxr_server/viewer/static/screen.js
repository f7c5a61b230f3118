// What is on screen: the child, the films, and how far the reading of one has come.

import { isApp } from "./config.js";
import { byId, el, put } from "./dom.js";
import { doButton, film, press, priorFilm, showLegend, showStyles, state } from "./look.js";
import { showCritical } from "./report_head.js";
import { describeStudy, sexOf, showAnswer } from "./search.js";
import { currentLanguage, t } from "./words.js";

// On a small screen the film stops below the banner, however many lines that has.
new ResizeObserver(([{ target }]) => document.documentElement.style.setProperty("--banner", `${target.offsetHeight}px`))
  .observe(byId("critical"));

/** The film `by` places further down the list (newest first), or null. */
export function studyBeside(by) {
  const studies = state.patient?.studies ?? [];
  const at = studies.indexOf(state.study);
  return (at >= 0 && studies[at + by]) || null;
}

export const priorStudy = () => studyBeside(1);

/** Who it is and which films there are; `open` {patient(match), study(study)} is called when one is chosen. */
export function showStudies(open) {
  const { patient, answer, study } = state;
  document.body.dataset.stage = study || patient ? "film" : "search";
  put(byId("answer"));
  if (answer) showAnswer(byId("answer"), answer, open.patient);
  else if (!patient && !study) put(byId("answer"), el("p", { class: "lead" }, t(isApp ? "waiting" : "start")));
  byId("patient").hidden = !patient;
  byId("studies").hidden = !patient;
  if (!patient) return;
  put(
    byId("patient"),
    el("h2", {}, patient.patient_name),
    patient.patient_name_romanised ? el("p", { class: "roman" }, patient.patient_name_romanised) : null,
    el("p", {}, el("b", {}, `${t("born")} ${patient.patient_birth_date ?? t("unknown")}`), ` · ${sexOf(patient)}`),
    el("p", { class: "quiet" }, patient.patient_id),
    study ? el("p", { class: "film-of" }, `${[study.study_date, described(study)].filter(Boolean).join(" · ")} · `,
      el("span", { class: "id" }, study.study_id)) : null,
  );
  put(byId("studies"), el("h2", {}, t("films")), el("ul", {}, patient.studies.map((one) => studyItem(one, open))));
}

function studyItem(study, open) {
  const isCurrent = study === state.study;
  return el("li", {}, el("button",
    { type: "button", "aria-current": isCurrent ? "true" : null, onclick: () => isCurrent || open.study(study) },
    el("b", {}, study.study_date ?? t("unknown")), el("span", {}, described(study)),
    el("span", { class: "quiet" }, study.study_id)));
}

/** Film, outlines and report as far as they have come. */
export function showReading() {
  const { outlines, report, prior } = state;
  const korean = currentLanguage() === "ko" ? state.korean : null;
  byId("layers-box").hidden = !outlines;
  byId("report-box").hidden = !report;
  showCritical(byId("critical"), report, outlines, korean);
  byId("trained").textContent = trainedOn(outlines ?? report);
  if (outlines) showLegend();
  film.title.textContent = titleOf(state.study);
  byId("paper-who").textContent = paperLine();
  film.node.setAttribute("aria-label", `${t("film")} ${film.title.textContent}`);
  film.empty.textContent = state.study ? "" : t("noFilm");
  priorFilm.title.textContent = prior ? `${t("prior")} · ${titleOf(prior.study)}` : "";
  priorFilm.node.setAttribute("aria-label", `${t("priorFilm")} ${priorFilm.title.textContent}`);
  priorFilm.node.hidden = !prior;
  document.body.classList.toggle("compares", Boolean(prior));
  byId("link-box").hidden = !prior;
  press("prior", Boolean(prior));
  doButton("prior").disabled = !priorStudy();
  showStyles();
}

function titleOf(study) {
  return study ? [state.patient?.patient_name, filmOf(study)].filter(Boolean).join(" · ") : "";
}

/** View and age of a film of the child on screen. */
const described = (study) => describeStudy(study, state.patient?.patient_birth_date);

/** Which film: date, view, age and study id. */
const filmOf = (study) => [study.study_date, described(study), study.study_id].filter(Boolean).join(" · ");

/** On every sheet of paper, which may be parted from the others. */
function paperLine() {
  const { patient, study } = state;
  const names = [patient?.patient_name, patient?.patient_name_romanised].filter(Boolean).join(" / ");
  const born = patient ? `${t("born")} ${patient.patient_birth_date ?? t("unknown")}` : "";
  return [names, born, patient && sexOf(patient), patient?.patient_id, study && filmOf(study)].filter(Boolean).join(" · ");
}

/** What the networks learnt from, by their weights: as they say it, in Korean in fixed words. */
function trainedOn(said) {
  if (!said) return "";
  return currentLanguage() === "ko" ? t(`trained_${said.trained_on ?? "not_stated"}`) : (said.data_statement ?? "");
}
