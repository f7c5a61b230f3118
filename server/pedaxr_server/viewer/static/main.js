// The page put together: what is shown, what the keys do, and how sentence, outline and legend light each other.

import { endpoint, isApp, isDemo } from "./config.js";
import { askToken, showKeys } from "./dialogs.js";
import { byId, el, put } from "./dom.js";
import { listenToKeys } from "./keys.js";
import {
  changeOpacity, doButton, film, light, linkPanes, onFilm, panes, press, priorFilm, setTool, setWindow, showLegend, showStyles, state,
  toggleStructures, toggleTool,
} from "./look.js";
import { drawOutlines } from "./outlines.js";
import { OverHost } from "./over_host.js";
import { OverHttp } from "./over_http.js";
import { FULL_WINDOW } from "./pane.js";
import { Reading } from "./reading.js";
import { pictureIn } from "./replies.js";
import { showCritical, showReport } from "./report.js";
import { Search, describeStudy, sexOf, showAnswer } from "./search.js";
import { fail, wait } from "./status.js";
import { applyWords, currentLanguage, setLanguage, t } from "./words.js";

const server = isApp
  ? new OverHost({ context: takeContext, toolInput: takeInput, toolResult: takeResult, toolCancelled })
  : new OverHttp(endpoint, askToken);

const reading = new Reading(server, {
  film: (bitmap) => film.setFilm(bitmap),
  outlines: (outlines) => takeOutlines(outlines),
  report: (report) => takeReport(report),
  waiting: (key) => wait(key),
  failed: (error, again) => fail(error, again),
});

const search = new Search(byId("search-form"), byId("search"), byId("suggestions"), {
  find: (query, limit) => server.callTool("find_patient", { query, limit }),
  choose: (match) => openPatient(match),
  answer: (answer) => takeAnswer(answer),
  failed: (error) => fail(error),
});

// ---- patients and studies

let lastAsked = 0;

function takeAnswer(answer) {
  closeStudy();
  state.patient = null;
  state.answer = answer;
  showSide();
}

function openPatient(match, study = match.studies[0]) {
  lastAsked += 1; // a study still being looked up comes too late
  state.answer = null;
  state.patient = match;
  if (study) openStudy(study);
  else closeStudy();
  showSide();
}

function openStudy(study, given = {}) {
  closeStudy();
  state.study = study;
  showSide();
  if (!isApp) {
    history.replaceState(null, "", `#${encodeURIComponent(study.study_id)}`);
    film.node.focus({ preventScroll: true }); // so that the keys work at once
  }
  reading.open(study.study_id, given);
}

function closeStudy() {
  Object.assign(state, { study: null, outlines: null, report: null, korean: null, lit: null });
  closePrior();
  state.window = { ...FULL_WINDOW };
  for (const pane of panes) {
    pane.setFilm(null);
    pane.outlines.replaceChildren();
    pane.setWindow(state.window);
  }
  byId("failure").hidden = true;
  showReading();
}

/** A study by its id alone: who it belongs to is asked from the server. */
async function openById(studyId, given = {}) {
  const asked = ++lastAsked;
  state.patient = null; // no film may stand under the name of the child before
  closeStudy();
  let match = null;
  try {
    const found = await server.callTool("find_patient", { query: studyId, limit: 2 });
    match = found.matches.find((one) => one.studies.some((study) => study.study_id === studyId));
  } catch (error) {
    if (!given.outlines && !given.report) return fail(error, () => openById(studyId, given));
  }
  if (asked !== lastAsked) return undefined;
  state.patient = match ?? null;
  const known = match?.studies.find((study) => study.study_id === studyId);
  return openStudy(known ?? { study_id: studyId }, given);
}

/** The film `by` places further down the list (newest first), or null. */
function studyBeside(by) {
  const studies = state.patient?.studies ?? [];
  const at = studies.indexOf(state.study);
  return (at >= 0 && studies[at + by]) || null;
}

/** The next newer (-1) or older (1) film. */
function stepStudy(by) {
  const next = studyBeside(by);
  if (next) openStudy(next);
}

const priorStudy = () => studyBeside(1);

// ---- what comes from the server

function takeOutlines(outlines) {
  state.outlines = outlines;
  film.setSpacing(outlines.pixel_spacing_mm);
  drawOutlines(film, [...outlines.findings, ...outlines.structures], light);
  showReading();
}

function takeReport(report) {
  state.report = report;
  state.korean = null;
  drawReport();
  showReading();
}

/** Apart from the rest, so that a reason for the film that is being typed is not lost. */
function drawReport() {
  const redraft = (indication) => reading.redraft(state.study.study_id, indication);
  const { report, korean } = state;
  if (!report) return;
  const isKorean = currentLanguage() === "ko";
  showReport(byId("report"), report, isKorean ? korean : null, { light, redraft });
  if (isKorean && !korean && server.canRead) addKorean(report);
}

async function addKorean(report) {
  try {
    const korean = await reading.korean(report);
    if (!korean || state.report !== report) return;
    state.korean = korean;
    drawReport();
    showStyles();
  } catch {
    // The English text stays, and says that it is English.
  }
}

async function togglePrior() {
  if (state.prior) return closePrior();
  const study = priorStudy();
  if (!study) return undefined;
  state.prior = { study, outlines: null };
  showReading();
  try {
    wait("loadingFilm");
    const bitmap = await reading.film(study.study_id);
    if (state.prior?.study !== study) return undefined;
    priorFilm.setFilm(bitmap);
    linkPanes(film); // which may have been moved in the meantime
    wait("outlining");
    const outlines = await reading.outlines(study.study_id);
    if (state.prior?.study !== study) return undefined;
    state.prior.outlines = outlines;
    priorFilm.setSpacing(outlines.pixel_spacing_mm);
    drawOutlines(priorFilm, [...outlines.findings, ...outlines.structures], light);
  } catch (error) {
    fail(error, togglePrior);
    closePrior();
  } finally {
    wait(null);
  }
  return showReading();
}

function closePrior() {
  state.prior = null;
  priorFilm.setFilm(null);
  priorFilm.outlines.replaceChildren();
  showReading();
}

// ---- what is on screen

function showSide() {
  const { patient, answer } = state;
  document.body.dataset.stage = state.study || patient ? "film" : "search";
  put(byId("answer"));
  if (answer) showAnswer(byId("answer"), answer, openPatient);
  else if (!patient && !state.study) put(byId("answer"), el("p", { class: "lead" }, t(isApp ? "waiting" : "start")));
  byId("patient").hidden = !patient;
  byId("studies").hidden = !patient;
  if (!patient) return;
  put(
    byId("patient"),
    el("h2", {}, patient.patient_name),
    patient.patient_name_romanised ? el("p", { class: "roman" }, patient.patient_name_romanised) : null,
    el("p", {}, el("b", {}, `${t("born")} ${patient.patient_birth_date ?? t("unknown")}`), ` · ${sexOf(patient)}`),
    el("p", { class: "quiet" }, patient.patient_id),
  );
  put(byId("studies"), el("h2", {}, t("films")), el("ul", {}, patient.studies.map(studyItem)));
}

function studyItem(study) {
  const isCurrent = study === state.study;
  return el("li", {}, el("button",
    { type: "button", "aria-current": isCurrent ? "true" : null, onclick: () => isCurrent || openStudy(study) },
    el("b", {}, study.study_date ?? t("unknown")), el("span", {}, describeStudy(study)),
    el("span", { class: "quiet" }, study.study_id)));
}

function showReading() {
  const { outlines, report, prior } = state;
  byId("layers-box").hidden = !outlines;
  byId("report-box").hidden = !report;
  showCritical(byId("critical"), report);
  if (outlines) showLegend();
  film.title.textContent = titleOf(state.study);
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
  if (!study) return "";
  const parts = [state.patient?.patient_name, study.study_date, describeStudy(study), study.study_id];
  return parts.filter(Boolean).join(" · ");
}

// ---- the chat host

function takeContext(context) {
  if (context.theme) document.documentElement.dataset.theme = context.theme;
  if (context.locale) setLanguage(context.locale.slice(0, 2));
  if (context.displayMode) document.body.dataset.display = context.displayMode;
  if (context.availableDisplayModes) byId("fullscreen").hidden = !context.availableDisplayModes.includes("fullscreen");
  drawAll();
}

function takeInput(given) {
  if (given.study_id && !state.study) wait("waiting");
}

async function takeResult(result) {
  wait(null);
  const data = result.structuredContent ?? {};
  if (result.isError || !data.study_id) return fail({ message: result.content?.[0]?.text ?? "" });
  const given = data.report_id ? { report: data } : { outlines: data };
  if (server.canRead) return openById(data.study_id, given);
  return showWithoutReading(data, given, pictureIn(result));
}

/** A host that lets us fetch nothing: the tool's own picture and words are all there is. */
async function showWithoutReading(data, given, picture) {
  state.study = { study_id: data.study_id };
  showSide();
  if (given.report) takeReport(given.report);
  if (picture) film.setFilm(await createImageBitmap(picture), { isPicture: true });
  showReading();
  put(byId("answer"), el("p", { class: "quiet" }, t("onlyPicture")));
}

function toolCancelled() {
  wait(null);
  fail({ message: t("cancelled") });
}

async function toggleFullscreen() {
  const mode = document.body.dataset.display === "fullscreen" ? "inline" : "fullscreen";
  document.body.dataset.display = await server.requestFullscreen(mode);
}

// ---- keys, buttons, start

const ACTIONS = {
  zoomIn: () => onFilm((pane) => pane.zoom(1.25)),
  zoomOut: () => onFilm((pane) => pane.zoom(0.8)),
  fit: () => onFilm((pane) => pane.fit()),
  invert: () => setWindow({ inverted: !state.window.inverted }),
  reset: () => setWindow(FULL_WINDOW),
  overlay: () => ((state.isOn = !state.isOn), showStyles()),
  prior: togglePrior,
  print: () => window.print(),
};

const shortcuts = () => ({
  "/": () => byId("search").focus(),
  "?": showKeys,
  "+": ACTIONS.zoomIn,
  "=": ACTIONS.zoomIn,
  "-": ACTIONS.zoomOut,
  0: ACTIONS.fit,
  i: ACTIONS.invert,
  r: ACTIONS.reset,
  o: ACTIONS.overlay,
  p: ACTIONS.prior,
  w: () => toggleTool("window"),
  m: () => toggleTool("measure"),
  s: toggleStructures,
  "[": () => changeOpacity(-1),
  "]": () => changeOpacity(1),
  ",": () => stepStudy(-1),
  ".": () => stepStudy(1),
  Escape: () => panes.forEach((pane) => pane.clearRuler()),
});

/** All texts anew, after a change of language. */
function drawAll() {
  applyWords();
  showSide();
  drawReport();
  showReading();
  for (const pane of panes) pane.setWindow(state.window);
}

function start() {
  document.body.dataset.mode = isApp ? "app" : "page";
  byId("demo").hidden = !isDemo;
  byId("panes").append(film.node, priorFilm.node);
  listenToKeys(shortcuts(), (dx, dy) => onFilm((pane) => pane.pan(dx, dy)));
  byId("help").addEventListener("click", showKeys);
  byId("keys-close").addEventListener("click", () => byId("keys").close());
  byId("fullscreen").addEventListener("click", toggleFullscreen);
  byId("language").addEventListener("click", () => (setLanguage(currentLanguage() === "en" ? "ko" : "en"), drawAll()));
  window.addEventListener("beforeprint", () => panes.forEach((pane) => pane.setForPaper(true)));
  window.addEventListener("afterprint", () => panes.forEach((pane) => pane.setForPaper(false)));
  for (const [name, act] of Object.entries(ACTIONS)) {
    for (const button of document.querySelectorAll(`[data-do=${name}]`)) button.addEventListener("click", () => act());
  }
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => setTool(button.dataset.tool));
  }
  setTool("pan");
  setLanguage(currentLanguage());
  drawAll();
  if (isApp) return startInHost();
  if (location.hash.length > 1) return openById(decodeURIComponent(location.hash.slice(1)));
  return byId("search").focus();
}

async function startInHost() {
  doButton("print").hidden = true; // a sandboxed frame may not open the print dialog
  new ResizeObserver(() => {
    const { width, height } = document.documentElement.getBoundingClientRect();
    server.tellSize(Math.ceil(width), Math.ceil(height));
  }).observe(document.documentElement);
  wait("waiting");
  await server.connect();
}

start();
