// Correcting outlines: brush, eraser and polygon on the film, a decision for each finding, saved beside the network's.

import { FINDINGS, colourOf } from "./config.js";
import { Annotation } from "./annotation.js";
import { Crosshair } from "./crosshair.js";
import { byId, el, put, saveAs, svgEl } from "./dom.js";
import { t, term } from "./words.js";

const PENS = ["brush", "eraser", "polygon"];
const PEN_KEYS = { b: "brush", e: "eraser", g: "polygon" };
const NEAR = 10; // pixels of the page: as good as on the first corner
const FORMATS = ["coco", "labelme", "cvat", "masks", "csv"];

export class Annotating {
  #page;
  #annotation = null;
  #studyId = null;
  #finding = FINDINGS[0];
  #pen = "brush";
  #radius = 8; // pixels of the film
  #last = null;
  #corners = [];
  #author = "";
  #cross;
  #unsaved = new Map(); // study id -> Annotation that its human left without saving

  /** @param page {server, state, film, setTool(name), fail} */
  constructor(page) {
    this.#page = page;
    page.film.painter = {
      begin: (point) => this.#begin(point),
      extend: (point) => this.#extend(point),
      end: () => (this.#last = null),
      cancel: () => this.#cancel(),
    };
    this.#cross = new Crosshair(page.film, {
      isReady: () => this.isOpen && page.film.tool === "paint" && page.film.filmSize !== null,
      radius: () => (this.#pen === "polygon" ? null : this.#radius),
      name: () => `${term(this.#finding)}, ${t(`pen_${this.#pen}`)}`,
      set: (point) => this.#set(point),
      moved: (point) => this.#extend(point),
      isFirst: (point) => this.#isFirst(point),
      back: () => this.#undo(),
      leave: () => (this.#last = null), // a pen that is down is lifted
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("beforeunload", (event) => {
      if (this.#annotation?.isUnsaved || this.#unsaved.size) event.preventDefault(); // the browser asks
    });
  }

  get isOpen() {
    return this.#annotation !== null;
  }

  /** Begin from what humans have decided so far, or from the network's outlines. */
  async open() {
    const { server, state, fail } = this.#page;
    const { study, outlines } = state;
    const kept = this.#unsaved.get(study.study_id);
    this.#unsaved.delete(study.study_id);
    if (kept?.model === outlines.model) return this.#show(kept, study, t("unsavedKept"));
    try {
      const { current } = await server.call(`workplace/studies/${encodeURIComponent(study.study_id)}/annotations`);
      if (state.study !== study) return;
      const annotation = new Annotation(outlines.in_doubt ? { ...outlines, findings: [] } : outlines);
      if (current) annotation.load(current);
      this.#show(annotation, study, "");
    } catch (error) {
      fail(error, () => this.open());
    }
  }

  #show(annotation, study, told) {
    [this.#annotation, this.#studyId] = [annotation, study.study_id];
    this.#cross.setOpen(true);
    this.#choose(this.#page.state.outlines.findings[0]?.name ?? this.#finding);
    this.#tell(told);
    byId("annotate").querySelector(`[data-key="${this.#finding}-draw"]`).focus({ preventScroll: true });
  }

  /** The film goes, or the human is done; what was not saved is there when the film comes back. */
  close() {
    if (this.#annotation?.isUnsaved) this.#unsaved.set(this.#studyId, this.#annotation);
    this.#annotation = null;
    this.#corners = [];
    put(byId("annotate"));
    byId("annotate-box").hidden = true;
    this.#page.film.setPaint([]);
    this.#page.film.drawn.replaceChildren();
    document.body.classList.remove("annotates");
    this.#cross.setOpen(false);
    this.#page.setTool("pan");
  }

  // ---- drawing

  #choose(name) {
    this.#finding = name;
    this.#page.setTool("paint");
    this.#draw();
  }

  #begin(point) {
    if (!this.#annotation) return;
    if (this.#pen === "polygon") {
      this.#corners.push([Math.round(point.x), Math.round(point.y)]);
      this.#draw(); // three corners can be closed
      return;
    }
    if (this.#pen === "eraser" && !this.#annotation.hasOutline(this.#finding)) return; // nothing to erase
    this.#annotation.remember(this.#finding);
    this.#last = point;
    this.#extend(point);
    this.#draw();
  }

  #extend(point) {
    if (!this.#last || !this.#annotation) return;
    const mask = this.#annotation.maskToDraw(this.#finding);
    mask.stroke(this.#last, point, this.#radius, { erases: this.#pen === "eraser" });
    this.#last = point;
    this.#showMasks();
  }

  /** By keyboard: a corner of the polygon, the last one where the first is; or brush and eraser down, and up again. */
  #set(point) {
    const { x, y } = point;
    if (this.#pen === "polygon") {
      if (this.#isFirst(point)) return this.#closePolygon();
      this.#begin(point);
      return this.#cross.say(t("aimPoint", this.#corners.length, x, y));
    }
    if (this.#last) {
      this.#last = null;
      return this.#cross.say(t("aimUp", t(`pen_${this.#pen}`)));
    }
    this.#begin(point);
    return this.#cross.say(t(this.#last ? "aimDown" : "aimNothing", t(`pen_${this.#pen}`)));
  }

  /** Whether a corner here would lie on the first one of a polygon that can be closed. */
  #isFirst({ x, y }) {
    if (this.#pen !== "polygon" || this.#corners.length < 3) return false;
    const [[left, top]] = this.#corners;
    return Math.hypot(x - left, y - top) * this.#page.film.scale <= NEAR;
  }

  #aim() {
    this.#page.setTool("paint");
    this.#page.film.node.focus();
    if (!this.#cross.isShown) this.#cross.show(); // after a click no focus is visible
  }

  /** A second finger came: what the first one has drawn was no stroke. */
  #cancel() {
    if (this.#last) this.#annotation?.undo();
    this.#last = null;
    if (this.#annotation) this.#draw();
  }

  #closePolygon() {
    const count = this.#corners.length;
    if (count > 2) {
      this.#annotation.remember(this.#finding);
      this.#annotation.maskToDraw(this.#finding).fill([this.#corners]);
    }
    this.#corners = [];
    this.#draw();
    this.#cross.say(t(count > 2 ? "aimClosed" : "aimTooFew", count, term(this.#finding)));
  }

  #undo() {
    this.#last = null; // what a pen that is down has drawn is one step
    if (this.#corners.length) {
      this.#corners.pop();
      this.#cross.say(t("aimPointBack", this.#corners.length));
    } else {
      const name = this.#annotation.undo();
      this.#finding = name ?? this.#finding;
      this.#cross.say(name ? t("aimBack", term(name)) : t("aimNoBack"));
    }
    this.#draw();
  }

  #key(event) {
    if (!this.isOpen || event.target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
    if (document.querySelector("dialog[open]")) return;
    const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z";
    if (!isUndo && (event.ctrlKey || event.metaKey || event.altKey)) return;
    if (isUndo || event.key === "u") this.#undo();
    else if (PEN_KEYS[event.key]) this.#take(PEN_KEYS[event.key]);
    else if (event.key === "d") this.#aim();
    else if (this.#corners.length && (event.key === "c" || (event.key === "Enter" && !event.target.closest("button, a, summary")))) this.#closePolygon();
    else return;
    event.preventDefault();
  }

  #take(pen) {
    [this.#pen, this.#corners, this.#last] = [pen, [], null];
    this.#page.setTool("paint");
    this.#draw();
    if (this.#cross.isShown) this.#cross.show(); // which says the pen
  }

  // ---- the panel

  #draw() {
    const annotation = this.#annotation;
    const hadFocus = byId("annotate").contains(document.activeElement);
    document.body.classList.add("annotates");
    byId("annotate-box").hidden = false;
    const author = el("input", { id: "annotate-author", type: "text", maxlength: 100, autocomplete: "name", value: this.#author, oninput: () => (this.#author = author.value) });
    const comment = el("input", { id: "annotate-comment", type: "text", maxlength: 1000, value: annotation.comment, oninput: () => (annotation.comment = comment.value) });
    put(
      byId("annotate"),
      el("p", { class: "quiet" }, t("annotateNote")),
      el("ul", { class: "decisions" }, FINDINGS.map((name) => this.#row(name))),
      this.#pens(),
      this.#unsuitable(),
      el("label", { class: "field", for: "annotate-comment" }, t("annotateComment"), comment),
      el("label", { class: "field", for: "annotate-author" }, t("signName"), author),
      el("p", { class: "refusal", id: "annotate-told", role: "status" }),
      el("p", { class: "acts" },
        el("button", { type: "button", class: "primary", "data-key": "save", disabled: annotation.isEmpty, onclick: () => this.#save() }, t("annotateSave")),
        el("button", { type: "button", onclick: () => (this.close(), byId("annotate-open").focus()) }, t("close"))),
      el("p", { class: "acts" }, `${t("exportAs")} `, FORMATS.map((format) =>
        el("button", { type: "button", onclick: () => this.#export(format) }, t(`format_${format}`)))),
    );
    // A button that went, or that nothing is left for, hands the focus on.
    if (hadFocus && document.activeElement === document.body) byId("annotate").querySelector(`[data-key="${this.#pen}"]`).focus();
    this.#showMasks();
    this.#drawCorners();
    this.#cross.draw();
  }

  #row(name) {
    const annotation = this.#annotation;
    const now = annotation.decisionOf(name);
    const isOutlined = annotation.isOutlined(name);
    const choices = isOutlined ? ["accepted", "rejected", "uncertain"] : ["rejected", "uncertain"];
    const decide = (decision) => (annotation.decide(name, decision === now ? null : decision), (this.#finding = name), this.#draw());
    const swatch = el("span", { class: "swatch" });
    swatch.style.setProperty("--colour", colourOf(name));
    return el("li", { "data-decide": name, class: name === this.#finding ? "lit" : "" },
      el("p", {}, swatch, " ", el("b", {}, term(name)), " ",
        el("span", { class: "quiet" }, now ? t(`decision_${now}`) : t(isOutlined ? "outlinedByNetwork" : "notOutlined"))),
      el("p", { class: "acts", role: "group", "aria-label": term(name) },
        choices.map((decision) => el("button", { type: "button", "data-key": `${name}-${decision}`, "aria-pressed": String(now === decision), onclick: () => decide(decision) },
          t(decision === "rejected" && !isOutlined ? "decide_absent" : `decide_${decision}`))),
        el("button", { type: "button", "data-key": `${name}-draw`, "aria-pressed": String(name === this.#finding), onclick: () => this.#choose(name) }, t("decide_draw"))));
  }

  #pens() {
    const size = el("input", { type: "range", min: 1, max: 60, "aria-label": t("penSize"), oninput: () => ((this.#radius = Number(size.value)), this.#cross.draw()) });
    size.value = this.#radius;
    return el("p", { class: "acts", role: "group", "aria-label": t("tools") },
      PENS.map((pen) => el("button", { type: "button", "data-pen": pen, "data-key": pen, "aria-pressed": String(pen === this.#pen), onclick: () => this.#take(pen) }, t(`pen_${pen}`))),
      el("button", { type: "button", "data-key": "aim", "aria-keyshortcuts": "d", onclick: () => this.#aim() }, t("aim")),
      this.#corners.length > 2 ? el("button", { type: "button", "aria-keyshortcuts": "c", onclick: () => this.#closePolygon() }, t("closePolygon")) : null,
      el("button", { type: "button", "data-do-undo": "", "data-key": "undo", disabled: !this.#annotation.canUndo && !this.#corners.length, onclick: () => this.#undo() }, t("undo")),
      el("label", { class: "size" }, t("penSize"), " ", size));
  }

  #unsuitable() {
    const box = el("input", { id: "annotate-unsuitable", type: "checkbox", "data-key": "unsuitable" });
    box.checked = this.#annotation.isUnsuitable;
    box.addEventListener("change", () => ((this.#annotation.isUnsuitable = box.checked), this.#draw()));
    return el("label", { class: "tick" }, box, " ", t("unsuitable"));
  }

  #showMasks() {
    this.#page.film.setPaint(this.#annotation.masks.map(({ name, canvas }) => ({ canvas, opacity: name === this.#finding ? 0.45 : 0.2 })));
  }

  #drawCorners() {
    const points = this.#corners.map((point) => point.join(" ")).join(" ");
    put(this.#page.film.drawn, svgEl("polyline", { points, class: "corners", stroke: colourOf(this.#finding) }),
      this.#corners.map(([x, y]) => svgEl("circle", { cx: x, cy: y, r: 3, fill: colourOf(this.#finding) })));
  }

  // ---- the server

  async #save() {
    const { server, state } = this.#page;
    const [studyId, annotation] = [this.#studyId, this.#annotation];
    annotation.isUnsaved = false; // what is drawn from here on is
    try {
      const path = `workplace/studies/${encodeURIComponent(studyId)}/annotations`;
      const saved = await server.call(path, { author: this.#author.trim(), ...annotation.toJson() });
      annotation.basedOn = saved.annotation.version;
      // What others saved meanwhile comes onto the screen: the next version says what is missing in it.
      if (saved.meanwhile.length) annotation.join((await server.call(path)).current);
      if (this.#unsaved.get(studyId) === annotation) this.#unsaved.delete(studyId);
      if (this.#annotation !== annotation || state.study?.study_id !== studyId) return;
      this.#draw();
      const others = [...new Set(saved.meanwhile.map((one) => one.author))].join(", ");
      this.#tell([t("annotateSaved", saved.annotation.version), others ? t("meanwhile", others) : ""].join(" "));
    } catch (error) {
      annotation.isUnsaved = true;
      if (this.#annotation !== annotation) this.#unsaved.set(studyId, annotation);
      this.#tell(error.message || t(`error_${error.code || "unknown"}`));
    }
  }

  async #export(format) {
    try {
      const query = new URLSearchParams({ format, study_id: this.#studyId });
      saveAs(await this.#page.server.call(`workplace/annotations.zip?${query}`), `${this.#studyId}-${format}.zip`);
    } catch (error) {
      this.#tell(error.message || t("error_unknown"));
    }
  }

  #tell(text) {
    byId("annotate-told").textContent = text;
  }
}
