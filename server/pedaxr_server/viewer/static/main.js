// The page put together: what is shown, what the keys do, and how sentence, outline and legend light each other.

import { addressedStudy, onAddress, setAddress } from "./address.js";
import { endpoint, isApp, isDemo } from "./config.js";
import { askToken, showKeys } from "./dialogs.js";
import { byId, el, put } from "./dom.js";
import { savePicture, showPresets } from "./film_tools.js";
import { FULL_WINDOW, PRESETS } from "./film_window.js";
import { listenToKeys } from "./keys.js";
import {
  changeOpacity, clearRulers, doButton, film, light, linkPanes, onFilm, panes, press, priorFilm, setFlipped, setPreset, setTool,
  setWindow, showStyles, state, toggleStructures, toggleTool,
} from "./look.js";
import { drawOutlines } from "./outlines.js";
import { OverHost } from "./over_host.js";
import { OverHttp } from "./over_http.js";
import { Reading } from "./reading.js";
import { pictureIn } from "./replies.js";
import { showReport } from "./report.js";
import { priorStudy, showReading, showStudies, studyBeside } from "./screen.js";
import { Search } from "./search.js";
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

let workplace = null; // of the page alone: a chat host has its own

// ---- patients and studies

let lastAsked = 0;
let goal = null; // id of the study on screen or on its way there

function takeAnswer(answer) {
  openNothing();
  state.answer = answer;
  drawSide();
}

/** Neither child nor film: the page as it starts. */
function openNothing() {
  leave();
  if (!isApp) setAddress(null);
  drawSide();
}

/** Nothing of the child and the film before may stand under what comes next. */
function leave(next = null) {
  lastAsked += 1; // a study still being looked up comes too late
  goal = next;
  Object.assign(state, { patient: null, answer: null });
  closeStudy();
}

/** What the address names is what is shown: Back, Forward, and an address that was typed or pasted. */
function follow(studyId) {
  search.drop();
  if (!studyId) return openNothing();
  if (studyId === goal) return undefined;
  const known = state.patient?.studies.find((study) => study.study_id === studyId);
  return known ? openStudy(known) : openById(studyId);
}

function openPatient(match, study = match.studies[0]) {
  if (!study) openNothing();
  else leave();
  state.patient = match;
  if (study) openStudy(study);
  else drawSide();
}

function openStudy(study, given = {}) {
  lastAsked += 1;
  goal = study.study_id;
  closeStudy();
  state.study = study;
  drawSide();
  if (!isApp) {
    setAddress(study.study_id);
    film.node.focus({ preventScroll: true }); // so that the keys work at once
  }
  reading.open(study.study_id, given);
}

function closeStudy() {
  Object.assign(state, { study: null, outlines: null, report: null, korean: null, lit: null });
  closePrior();
  reading.close();
  workplace?.leave();
  wait(null);
  for (const pane of panes) {
    pane.setFilm(null);
    pane.outlines.replaceChildren();
  }
  clearRulers();
  setFlipped(false);
  setWindow(FULL_WINDOW, "full");
  byId("failure").hidden = true;
  showReading();
}

/** A study by its id alone: who it belongs to is asked from the server. */
async function openById(studyId, given = {}) {
  leave(studyId);
  const asked = lastAsked;
  drawSide();
  let match = null;
  try {
    const found = await server.callTool("find_patient", { query: studyId, limit: 2 });
    match = found.matches.find((one) => one.studies.some((study) => study.study_id === studyId));
  } catch (error) {
    if (asked === lastAsked && !given.outlines && !given.report) return fail(error, () => openById(studyId, given));
  }
  if (asked !== lastAsked) return undefined;
  state.patient = match ?? null;
  const known = match?.studies.find((study) => study.study_id === studyId);
  return openStudy(known ?? { study_id: studyId }, given);
}

/** A file that belongs to no study: null while it is being read. Gives back whether it is still the one on screen. */
function showFile(name, answer) {
  if (!answer) {
    leave();
    if (!isApp) setAddress(null);
    state.study = { study_id: name, isFile: true };
    drawSide();
    const asked = lastAsked;
    return () => asked === lastAsked;
  }
  film.setFilm(answer.bitmap);
  takeOutlines(answer.outlines);
  takeReport(answer.report);
  return () => true;
}

/** The next newer (-1) or older (1) film. */
function stepStudy(by) {
  const next = studyBeside(by);
  if (next) openStudy(next);
}

// ---- what comes from the server

function takeOutlines(outlines) {
  state.outlines = outlines;
  film.setSpacing(outlines.pixel_spacing_mm);
  film.setSides(outlines.in_doubt ? null : outlines.towards_left);
  drawOutlines(film, [...(outlines.in_doubt ? [] : outlines.findings), ...outlines.structures], light);
  workplace?.outlines();
  showReading();
}

function takeReport(report) {
  state.report = report;
  state.korean = null;
  drawReport();
  byId("right").scrollTop = 0; // who signed and what is critical stand above
  showReading();
}

/** Apart from the rest, so that a reason for the film that is being typed is not lost. */
function drawReport() {
  const redraft = state.study?.isFile ? null : (indication) => reading.redraft(state.study.study_id, indication);
  const { report, korean } = state;
  if (!report) return;
  const isKorean = currentLanguage() === "ko";
  showReport(byId("report"), report, isKorean ? korean : null, { light, redraft, show: showVersion });
  workplace?.report(report);
  if (isKorean && !korean && server.canRead && redraft) addKorean(report);
}

/** Another version of the report on screen, by its id. */
async function showVersion(reportId) {
  const { study } = state;
  try {
    const versions = await reading.versions(study.study_id);
    const asked = versions.find((one) => one.report_id === reportId);
    if (asked && state.study === study) takeReport(asked);
  } catch (error) {
    fail(error, () => showVersion(reportId));
  }
}

async function addKorean(report) {
  try {
    const korean = await reading.korean(report);
    if (!korean || state.report !== report) return;
    state.korean = korean;
    drawReport();
    showReading();
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
    priorFilm.setSides(outlines.in_doubt ? null : outlines.towards_left);
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

function drawSide() {
  showStudies({ patient: openPatient, study: openStudy });
  if (!state.patient && !state.study && !state.answer) workplace?.start();
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
  drawSide();
  if (given.report) takeReport(given.report);
  if (picture) film.setFilm(await createImageBitmap(picture), { isPicture: true });
  showReading();
  put(byId("answer"), el("p", { class: "quiet" }, t("onlyPicture")));
}

function toolCancelled() {
  wait(null);
  fail({ code: "cancelled" });
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
  actual: () => onFilm((pane) => pane.showActualSize()),
  reset: () => setWindow(FULL_WINDOW, "full"),
  flip: () => setFlipped(!state.isFlipped),
  clearRulers,
  picture: () => savePicture(server),
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
  a: ACTIONS.actual,
  f: ACTIONS.flip,
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
  Backspace: () => panes.forEach((pane) => pane.removeLastRuler()),
  Escape: clearRulers,
  ...Object.fromEntries(PRESETS.map((name, i) => [i + 1, () => setPreset(name)])),
});

/** All texts anew, after a change of language. */
function drawAll() {
  applyWords();
  showPresets();
  setFlipped(state.isFlipped);
  drawSide();
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
  byId("preset").addEventListener("change", () => setPreset(byId("preset").value));
  setTool("pan");
  setLanguage(currentLanguage());
  drawAll();
  if (isApp) return startInHost();
  loadWorkplace();
  onAddress(follow);
  if (addressedStudy()) return openById(addressedStudy());
  return byId("search").focus();
}

async function loadWorkplace() {
  let loaded = null;
  try {
    loaded = await import("./workplace.js");
  } catch {
    return fail({ code: "unreachable" }, loadWorkplace); // films are still shown
  }
  const tools = { setTool, openById, showVersion, showReport: takeReport, showFile, wait, fail, search: (name) => search.ask(name) };
  workplace = loaded.startWorkplace({ server, state, film, ...tools });
  if (state.outlines) workplace.outlines(); // which came before
  drawAll();
}

async function startInHost() {
  for (const name of ["print", "picture"]) doButton(name).hidden = true; // a sandboxed frame may neither print nor save
  new ResizeObserver(() => {
    const { width, height } = document.documentElement.getBoundingClientRect();
    server.tellSize(Math.ceil(width), Math.ceil(height));
  }).observe(document.documentElement);
  wait("waiting");
  await server.connect();
}
start();
