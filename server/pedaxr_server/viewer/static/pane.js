// One film on a canvas: zoom, pan, mirror, window and level, rulers; outlines lie over it as SVG.

import { el, svgEl } from "./dom.js";
import { FULL_WINDOW, greyOf, presetWindow, windowTable } from "./film_window.js";
import { Rulers, drawScaleBar } from "./rulers.js";
import { t } from "./words.js";

const MOST_ZOOM = 16; // times the fitted size
const EDGE = 8; // pixels of the page that a point keeps from the edge of the pane

export class Pane {
  #film = null; // {bitmap, width, height, grey: Uint8ClampedArray or null, spacing}
  #shown = document.createElement("canvas"); // the film through the window, at its own size
  #view = { scale: 1, x: 0, y: 0 };
  #window = { ...FULL_WINDOW };
  #drag = null;
  #touches = new Map(); // pointer id -> point of the pane
  #isFitted = true;
  #isFlipped = false;
  #towardsLeft = null; // where the patient's left lies, one step in x and y of the film; null: not known yet
  #isPaper = false;
  #rulers = new Rulers();
  #paint = []; // {canvas, opacity}: masks at the size of the film, over it
  tool = "pan";
  painter = null; // {begin(point), extend(point), end(), cancel()}: draws, where the tool is "paint"

  /** @param on {view, window, rulers}: called when the user moved the film, changed the window, laid a ruler. */
  constructor(on) {
    this.#on = on;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.outlines = svgEl("g");
    this.drawn = svgEl("g"); // by whoever draws
    this.moved = svgEl("g", {}, this.outlines, this.drawn, this.#rulers.node);
    this.svg = svgEl("svg", {}, this.moved);
    this.title = el("p", { class: "badge top-left" });
    this.numbers = el("p", { class: "badge bottom-left" });
    this.scaleBar = el("p", { class: "badge scale-bar", hidden: true });
    this.mirrored = el("p", { class: "badge mirrored", role: "status", hidden: true });
    this.empty = el("p", { class: "empty" });
    this.sides = [el("p", { class: "badge side right", "aria-hidden": "true" }), el("p", { class: "badge side left", "aria-hidden": "true" })];
    this.node = el(
      "div",
      { class: "pane", tabindex: "0", role: "group" },
      this.canvas, this.svg, this.title, this.numbers, this.scaleBar, this.mirrored, this.empty, this.sides,
    );
    this.#nameSides();
    this.#listen();
  }

  #on;

  /** Show a film (ImageBitmap), or nothing; a picture in colour keeps its colours and has no window. */
  setFilm(bitmap, { isPicture = false } = {}) {
    const grey = bitmap && !isPicture ? greyOf(bitmap) : null;
    this.#film = bitmap && { bitmap, width: bitmap.width, height: bitmap.height, grey, spacing: null };
    this.node.classList.toggle("has-film", Boolean(bitmap));
    this.node.classList.toggle("is-picture", isPicture);
    this.#rulers.clear();
    this.setSides(null);
    if (bitmap) this.#applyWindow();
    this.fit();
  }

  /** Millimetres per pixel, row then column; null when the film does not say. */
  setSpacing(spacing) {
    if (this.#film) this.#film.spacing = spacing;
    this.#draw();
  }

  /** Which way the patient's left lies on the film; until that is known no side is named. */
  setSides(towardsLeft) {
    this.#towardsLeft = towardsLeft;
    this.#nameSides();
  }

  setWindow(window) {
    this.#window = { ...window };
    if (this.#film) this.#applyWindow();
    this.#draw();
  }

  /** Centre and width of a preset for this film. */
  presetOf(name) {
    return presetWindow(name, this.#film?.grey);
  }

  /** Masks to be seen over the film. */
  setPaint(paint) {
    this.#paint = paint;
    this.#draw();
  }

  /** Mirror the film to compare its sides: R and L turn along, and the pane says so. */
  setFlipped(isFlipped) {
    const place = this.place;
    this.#isFlipped = isFlipped;
    this.place = place;
    this.#nameSides();
    this.#draw();
  }

  /** The whole film, centred. */
  fit() {
    if (!this.#film) return this.#draw();
    const { width, height } = this.node.getBoundingClientRect();
    const scale = this.#fittedScale();
    this.#view = { scale, x: (width - this.#film.width * scale) / 2, y: (height - this.#film.height * scale) / 2 };
    this.#isFitted = true;
    return this.#draw();
  }

  /** One pixel of the film on one pixel of the screen, around the middle of the pane. */
  showActualSize() {
    if (this.#film) this.zoom(1 / density() / this.#view.scale);
  }

  /** Closer by `factor` around a point of the pane, by default its middle. */
  zoom(factor, point = null) {
    if (!this.#film) return;
    const { width, height } = this.node.getBoundingClientRect();
    const { x, y } = point ?? { x: width / 2, y: height / 2 };
    const [fitted, actual] = [this.#fittedScale(), 1 / density()];
    const least = Math.min(fitted / 2, actual);
    const scale = Math.min(Math.max(this.#view.scale * factor, least), Math.max(fitted * MOST_ZOOM, 8 * actual));
    const by = scale / this.#view.scale;
    this.#move({ scale, x: x - (x - this.#view.x) * by, y: y - (y - this.#view.y) * by });
  }

  pan(dx, dy) {
    if (this.#film) this.#move({ ...this.#view, x: this.#view.x + dx, y: this.#view.y + dy });
  }

  /** Zoom against the fitted film, and the point of the film (0 to 1) in the middle: the same for another size. */
  get place() {
    if (!this.#film) return null;
    const { width, height } = this.node.getBoundingClientRect();
    const middle = this.#filmPoint({ x: width / 2, y: height / 2 });
    return {
      isFitted: this.#isFitted,
      zoom: this.#view.scale / this.#fittedScale(),
      u: middle.x / this.#film.width,
      v: middle.y / this.#film.height,
    };
  }

  set place(place) {
    if (!this.#film || !place) return;
    if (place.isFitted) {
      this.fit();
      return;
    }
    const { width, height } = this.node.getBoundingClientRect();
    const scale = place.zoom * this.#fittedScale();
    const across = this.#isFlipped ? 1 - place.u : place.u;
    this.#view = { scale, x: width / 2 - across * this.#film.width * scale, y: height / 2 - place.v * this.#film.height * scale };
    this.#isFitted = false;
    this.#draw();
  }

  /** On paper the whole film, as it was exposed, fills whatever box it gets, which no script can know beforehand. */
  setForPaper(isPaper) {
    this.#isPaper = isPaper && Boolean(this.#film);
    this.#nameSides();
    if (!this.#isPaper) {
      this.svg.removeAttribute("viewBox");
      return this.#draw();
    }
    const { width, height } = this.#film;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.moved.removeAttribute("transform");
    this.#drawRulers();
    Object.assign(this.canvas, { width, height });
    for (const side of ["left", "top", "width", "height"]) this.canvas.style[side] = "";
    this.canvas.getContext("2d").drawImage(this.#shown, 0, 0);
    return undefined;
  }

  /** {width, height} of the film, or null. */
  get filmSize() {
    return this.#film && { width: this.#film.width, height: this.#film.height };
  }

  /** Pixels of the page for one of the film. */
  get scale() {
    return this.#view.scale;
  }

  get isFlipped() {
    return this.#isFlipped;
  }

  /** Move the film so that a point of it lies inside the pane. */
  reveal({ x, y }) {
    const { width, height } = this.node.getBoundingClientRect();
    const { scale, x: left, y: top } = this.#view;
    const missing = (at, most) => Math.max(EDGE - at, 0) + Math.min(most - EDGE - at, 0);
    const dx = missing(left + (this.#isFlipped ? this.#film.width - x : x) * scale, width);
    const dy = missing(top + y * scale, height);
    if (dx || dy) this.pan(dx, dy);
  }

  clearRulers() {
    this.#rulers.clear();
    this.#draw();
    this.#on.rulers();
  }

  removeLastRuler() {
    this.#rulers.removeLast();
    this.#draw();
    this.#on.rulers();
  }

  get rulerCount() {
    return this.#rulers.count;
  }

  #move(view) {
    this.#view = view;
    this.#isFitted = false;
    this.#draw();
    this.#on.view(this);
  }

  #nameSides() {
    const isMirrored = this.#isFlipped && !this.#isPaper;
    const [across, down] = this.#towardsLeft ?? [0, 0];
    const isLeftFirst = across * (isMirrored ? -1 : 1) + down < 0; // on most films the patient's right comes first
    const names = across || down ? (isLeftFirst ? ["L", "R"] : ["R", "L"]) : ["", ""];
    this.sides.forEach((node, i) => (node.textContent = names[i]));
    this.node.classList.toggle("lies", down !== 0);
    this.mirrored.hidden = !isMirrored;
    this.mirrored.textContent = isMirrored ? t("mirrored") : "";
  }

  #fittedScale() {
    const { width, height } = this.node.getBoundingClientRect();
    return Math.max(Math.min(width / this.#film.width, height / this.#film.height), 0.01);
  }

  #listen() {
    new ResizeObserver(() => (this.#isFitted ? this.fit() : this.#draw())).observe(this.node);
    this.node.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 500), this.#pointOf(event));
    }, { passive: false });
    this.node.addEventListener("dblclick", () => {
      if (this.tool !== "pan") return; // two quick strokes are no wish to see the whole film
      this.fit();
      this.#on.view(this);
    });
    this.node.addEventListener("contextmenu", (event) => event.preventDefault());
    this.node.addEventListener("pointerdown", (event) => this.#begin(event));
    this.node.addEventListener("pointermove", (event) => this.#touches.has(event.pointerId) && this.#continue(event));
    for (const end of ["pointerup", "pointercancel"]) this.node.addEventListener(end, (event) => this.#end(event));
  }

  #begin(event) {
    if (!this.#film) return;
    const point = this.#pointOf(event);
    this.#touches.set(event.pointerId, point);
    this.node.setPointerCapture(event.pointerId);
    if (this.#touches.size > 1) {
      this.#rulers.cancel();
      if (this.#drag?.tool === "paint") this.painter.cancel();
      this.#drag = null; // two fingers zoom, whatever the tool
      return;
    }
    const own = this.tool === "paint" && !this.painter ? "pan" : this.tool; // on the earlier film nobody draws
    const tool = event.button === 2 || event.shiftKey ? "window" : event.button === 1 ? "pan" : own;
    this.#drag = { tool, last: point };
    if (tool === "measure") this.#rulers.begin(this.#filmPoint(point));
    if (tool === "paint") this.painter.begin(this.#filmPoint(point));
  }

  #continue(event) {
    const point = this.#pointOf(event);
    if (this.#touches.size > 1) return this.#pinch(event.pointerId, point);
    this.#touches.set(event.pointerId, point);
    if (!this.#drag) return undefined;
    const dx = point.x - this.#drag.last.x;
    const dy = point.y - this.#drag.last.y;
    this.#drag.last = point;
    if (this.#drag.tool === "pan") this.pan(dx, dy);
    else if (this.#drag.tool === "window") this.#on.window(dx, dy);
    else if (this.#drag.tool === "paint") this.painter.extend(this.#filmPoint(point));
    else {
      this.#rulers.extend(this.#filmPoint(point));
      this.#draw();
    }
    return undefined;
  }

  /** The film follows two fingers: closer as they part, moved as their middle moves. */
  #pinch(id, point) {
    const before = spreadOf([...this.#touches.values()]);
    this.#touches.set(id, point);
    const after = spreadOf([...this.#touches.values()]);
    this.pan(after.middle.x - before.middle.x, after.middle.y - before.middle.y);
    if (before.apart > 0 && after.apart > 0) this.zoom(after.apart / before.apart, after.middle);
  }

  #end(event) {
    this.#touches.delete(event.pointerId);
    if (this.#drag?.tool === "measure") {
      this.#rulers.end(this.#view.scale);
      this.#draw();
      this.#on.rulers();
    }
    if (this.#drag?.tool === "paint") this.painter.end();
    this.#drag = null;
  }

  #pointOf(event) {
    const { left, top } = this.node.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #filmPoint({ x, y }) {
    const across = (x - this.#view.x) / this.#view.scale;
    return { x: this.#isFlipped ? this.#film.width - across : across, y: (y - this.#view.y) / this.#view.scale };
  }

  #applyWindow() {
    const { bitmap, width, height, grey } = this.#film;
    Object.assign(this.#shown, { width, height });
    const pen = this.#shown.getContext("2d");
    if (!grey) return pen.drawImage(bitmap, 0, 0);
    const table = windowTable(this.#window);
    const rgba = new ImageData(width, height);
    for (let i = 0, j = 0; i < grey.length; i += 1, j += 4) {
      rgba.data[j] = rgba.data[j + 1] = rgba.data[j + 2] = table[grey[i]];
      rgba.data[j + 3] = 255;
    }
    return pen.putImageData(rgba, 0, 0);
  }

  #draw() {
    if (this.#isPaper) return;
    const box = this.node.getBoundingClientRect();
    this.#fitCanvas(box);
    drawScaleBar(this.scaleBar, box.width, this.#film?.spacing, this.#view.scale);
    this.numbers.textContent = "";
    if (!this.#film) return;
    const { scale, x, y, isActual } = this.#snapped();
    const [across, left] = this.#isFlipped ? [-scale, x + this.#film.width * scale] : [scale, x];
    this.moved.setAttribute("transform", `translate(${left} ${y}) scale(${across} ${scale})`);
    this.#drawRulers();
    const dense = density();
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingEnabled = !isActual;
    pen.imageSmoothingQuality = "high";
    pen.setTransform(dense * across, 0, 0, dense * scale, dense * left, dense * y);
    pen.drawImage(this.#shown, 0, 0);
    for (const { canvas, opacity } of this.#paint) {
      pen.globalAlpha = opacity;
      pen.drawImage(canvas, 0, 0);
    }
    pen.globalAlpha = 1;
    const { centre, width: range } = this.#window;
    const zoom = isActual ? "1:1" : `${Math.round(100 * scale * dense)} %`;
    this.numbers.textContent = `${t("window")} ${Math.round(range)}  ${t("level")} ${Math.round(centre)}  ${zoom}`;
  }

  /** As many pixels as the screen has there, laid on the screen's own grid. */
  #fitCanvas({ left, top, width, height }) {
    const dense = density();
    const [columns, rows] = [Math.round(width * dense), Math.round(height * dense)];
    Object.assign(this.canvas, { width: columns, height: rows });
    const offGrid = (at) => Math.round(at * dense) / dense - at;
    Object.assign(this.canvas.style, {
      left: `${offGrid(left)}px`, top: `${offGrid(top)}px`, width: `${columns / dense}px`, height: `${rows / dense}px`,
    });
  }

  /** The view; at 1:1 moved by less than a pixel, so that the film's pixels fall on the screen's. */
  #snapped() {
    const dense = density();
    const isActual = Math.abs(this.#view.scale * dense - 1) < 1e-6;
    const snap = (at) => (isActual ? Math.round(at * dense) / dense : at);
    return { scale: this.#view.scale, x: snap(this.#view.x), y: snap(this.#view.y), isActual };
  }

  #drawRulers() {
    const { spacing = null } = this.#film ?? {};
    this.#rulers.draw({ scale: this.#view.scale, isFlipped: this.#isFlipped && !this.#isPaper, spacing });
  }
}

/** Pixels of the screen in a pixel of the page. */
const density = () => window.devicePixelRatio || 1;

function spreadOf([one, other]) {
  return {
    middle: { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 },
    apart: Math.hypot(one.x - other.x, one.y - other.y),
  };
}
