// How things look: which outlines are shown and lit, the window, and the two panes that move together.

import { FINDINGS, STRUCTURES } from "./config.js";
import { byId } from "./dom.js";
import { lightLayers, showLayers } from "./layers.js";
import { styleOutlines } from "./outlines.js";
import { FULL_WINDOW } from "./film_window.js";
import { Pane } from "./pane.js";
import { lightReport } from "./report.js";

const STEP = 0.1; // of opacity, per key
export const state = {
  patient: null,
  study: null,
  answer: null, // a search that the user has to choose from
  outlines: null,
  report: null,
  korean: null, // what the report says in Korean
  prior: null, // {study, outlines}
  visible: new Set(FINDINGS),
  opacity: { finding: 0.15, structure: 0.1 },
  lit: null,
  isOn: true,
  isFlipped: false,
  window: { ...FULL_WINDOW },
};

// What a user does to one pane happens to both.
const onPane = {
  view: (moved) => linkPanes(moved),
  window: (dx, dy) => dragWindow(dx, dy),
  rulers: () => (doButton("clearRulers").hidden = !panes.some((pane) => pane.rulerCount)),
};
export const film = new Pane(onPane);
export const priorFilm = new Pane(onPane);
export const panes = [film, priorFilm];

export function showLegend() {
  const earlier = state.prior?.outlines;
  showLayers(
    byId("layers"),
    state.outlines,
    { ...state, denied: deniedBy(state.report), earlier: earlier ? [...earlier.findings, ...earlier.structures] : null, before: earlier?.measures },
    {
      light,
      toggle: (name, isOn) => (toggleVisible([name], isOn), showLegend(), showStyles()),
      toggleAll: (kind, isOn) => toggleKind(kind, isOn),
      opacity: (kind, value) => {
        state.opacity[kind] = value;
        showStyles();
      },
    },
  );
}

/** Findings that are outlined and that the human who signed says are not there. */
function deniedBy(report) {
  if (!report?.signed_by) return new Set();
  const absent = report.findings.filter((one) => one.presence === "absent").map((one) => one.finding);
  return new Set([...absent, ...(report.critical_withdrawn ?? [])]);
}

export function showStyles() {
  for (const pane of panes) styleOutlines(pane, state);
  press("overlay", state.isOn);
  press("invert", state.window.inverted);
  lightLayers(byId("layers"), state.lit);
  lightReport(byId("report"), state.lit);
}

/** Light one finding or structure everywhere, or nothing. */
export function light(name) {
  state.lit = name;
  showStyles();
}

function toggleVisible(names, isOn) {
  for (const name of names) state.visible[isOn ? "add" : "delete"](name);
}

function toggleKind(kind, isOn) {
  toggleVisible(kind === "finding" ? FINDINGS : STRUCTURES, isOn);
  if (state.outlines) showLegend();
  showStyles();
}

export function toggleStructures() {
  toggleKind("structure", !STRUCTURES.some((name) => state.visible.has(name)));
}

export function changeOpacity(steps) {
  for (const kind of ["finding", "structure"]) {
    state.opacity[kind] = Math.min(Math.max(state.opacity[kind] + steps * STEP, 0), 1);
  }
  if (state.outlines) showLegend();
  showStyles();
}

function dragWindow(dx, dy) {
  const { centre, width } = state.window;
  setWindow({
    centre: Math.min(Math.max(centre + dy / 2, 0), 255),
    width: Math.min(Math.max(width + dx, 8), 512),
  });
}

export function setWindow(change, preset = "") {
  Object.assign(state.window, change);
  for (const pane of panes) pane.setWindow(state.window);
  byId("preset").value = preset;
  showStyles();
}

/** A preset, made for the film on the left; the earlier film is shown through the same window. */
export const setPreset = (name) => setWindow(film.presetOf(name), name);

/** Both films as in a mirror, or as they were exposed. */
export function setFlipped(isFlipped) {
  state.isFlipped = isFlipped;
  for (const pane of panes) pane.setFlipped(isFlipped);
  press("flip", isFlipped);
}

export function clearRulers() {
  for (const pane of panes) pane.clearRulers();
}

export function linkPanes(moved) {
  if (!state.prior || !byId("link").checked) return;
  for (const pane of panes) if (pane !== moved) pane.place = moved.place;
}

export function onFilm(change) {
  change(film);
  linkPanes(film);
}

export function setTool(name) {
  for (const pane of panes) pane.tool = name;
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  }
  byId("panes").dataset.tool = name;
}

export const toggleTool = (name) => setTool(film.tool === name ? "pan" : name);

export function doButton(name) {
  return document.querySelector(`[data-do=${name}]`);
}

export function press(name, isPressed) {
  doButton(name).setAttribute("aria-pressed", String(isPressed));
}
