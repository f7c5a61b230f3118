// One film on a canvas: zoom, pan, window and level, inversion, a ruler; outlines lie over it as SVG.

import { el, svgEl } from "./dom.js";
import { t } from "./words.js";

const MOST_ZOOM = 16; // times the fitted size
const SCALE_BARS_MM = [100, 50, 20, 10, 5];
export const FULL_WINDOW = { centre: 128, width: 256, inverted: false };

export class Pane {
  #film = null; // {bitmap, width, height, grey: Uint8ClampedArray or null, spacing}
  #shown = document.createElement("canvas"); // the film through the window, at its own size
  #view = { scale: 1, x: 0, y: 0 };
  #window = { ...FULL_WINDOW };
  #drag = null;
  #isFitted = true;
  #isPaper = false;
  tool = "pan";

  /** @param on {view, window}: called when the user moved the film or changed the window. */
  constructor(on) {
    this.#on = on;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.outlines = svgEl("g");
    this.ruler = svgEl("g", { class: "ruler" });
    this.moved = svgEl("g", {}, this.outlines, this.ruler);
    this.svg = svgEl("svg", {}, this.moved);
    this.title = el("p", { class: "badge top-left" });
    this.numbers = el("p", { class: "badge bottom-left" });
    this.scaleBar = el("p", { class: "badge scale-bar", hidden: true });
    this.empty = el("p", { class: "empty" });
    this.node = el(
      "div",
      { class: "pane", tabindex: "0", role: "group" },
      this.canvas, this.svg, this.title, this.numbers, this.scaleBar, this.empty,
      el("p", { class: "badge side right", "aria-hidden": "true" }, "R"),
      el("p", { class: "badge side left", "aria-hidden": "true" }, "L"),
    );
    this.#listen();
  }

  #on;

  /** Show a film (ImageBitmap), or nothing; a picture in colour keeps its colours and has no window. */
  setFilm(bitmap, { isPicture = false } = {}) {
    const grey = bitmap && !isPicture ? greyOf(bitmap) : null;
    this.#film = bitmap && { bitmap, width: bitmap.width, height: bitmap.height, grey, spacing: null };
    this.node.classList.toggle("has-film", Boolean(bitmap));
    this.node.classList.toggle("is-picture", isPicture);
    this.ruler.replaceChildren();
    if (bitmap) this.#applyWindow();
    this.fit();
  }

  /** Millimetres per pixel, row then column; null when the film does not say. */
  setSpacing(spacing) {
    if (this.#film) this.#film.spacing = spacing;
    this.#draw();
  }

  setWindow(window) {
    this.#window = { ...window };
    if (this.#film) this.#applyWindow();
    this.#draw();
  }

  /** The whole film, centred. */
  fit() {
    if (!this.#film) return this.#draw();
    const { width, height } = this.node.getBoundingClientRect();
    const scale = this.#fittedScale();
    this.#view = { scale, x: (width - this.#film.width * scale) / 2, y: (height - this.#film.height * scale) / 2 };
    this.#isFitted = true;
    this.#draw();
  }

  /** Closer by `factor` around a point of the pane, by default its middle. */
  zoom(factor, point = null) {
    if (!this.#film) return;
    const { width, height } = this.node.getBoundingClientRect();
    const { x, y } = point ?? { x: width / 2, y: height / 2 };
    const fitted = this.#fittedScale();
    const scale = Math.min(Math.max(this.#view.scale * factor, fitted / 2), fitted * MOST_ZOOM);
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
    const { scale, x, y } = this.#view;
    return {
      isFitted: this.#isFitted,
      zoom: scale / this.#fittedScale(),
      u: (width / 2 - x) / scale / this.#film.width,
      v: (height / 2 - y) / scale / this.#film.height,
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
    this.#view = {
      scale, x: width / 2 - place.u * this.#film.width * scale, y: height / 2 - place.v * this.#film.height * scale,
    };
    this.#isFitted = false;
    this.#draw();
  }

  /** On paper the whole film fills whatever box it gets, which no script can know beforehand. */
  setForPaper(isPaper) {
    this.#isPaper = isPaper && Boolean(this.#film);
    if (!this.#isPaper) {
      this.svg.removeAttribute("viewBox");
      return this.#draw();
    }
    const { width, height } = this.#film;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.moved.removeAttribute("transform");
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").drawImage(this.#shown, 0, 0);
    return undefined;
  }

  clearRuler() {
    this.ruler.replaceChildren();
  }

  #move(view) {
    this.#view = view;
    this.#isFitted = false;
    this.#draw();
    this.#on.view(this);
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
      this.fit();
      this.#on.view(this);
    });
    this.node.addEventListener("contextmenu", (event) => event.preventDefault());
    this.node.addEventListener("pointerdown", (event) => this.#begin(event));
    this.node.addEventListener("pointermove", (event) => this.#drag && this.#continue(event));
    for (const end of ["pointerup", "pointercancel"]) this.node.addEventListener(end, () => (this.#drag = null));
  }

  #begin(event) {
    if (!this.#film) return;
    const tool = event.button === 2 || event.shiftKey ? "window" : event.button === 1 ? "pan" : this.tool;
    const point = this.#pointOf(event);
    this.#drag = { tool, last: point, from: this.#filmPoint(point) };
    this.node.setPointerCapture(event.pointerId);
  }

  #continue(event) {
    const point = this.#pointOf(event);
    const dx = point.x - this.#drag.last.x;
    const dy = point.y - this.#drag.last.y;
    this.#drag.last = point;
    if (this.#drag.tool === "pan") this.pan(dx, dy);
    else if (this.#drag.tool === "window") this.#on.window(dx, dy);
    else this.#measure(this.#drag.from, this.#filmPoint(point));
  }

  #measure(from, to) {
    const [rowMm, columnMm] = this.#film.spacing ?? [1, 1];
    const length = Math.hypot((to.x - from.x) * columnMm, (to.y - from.y) * rowMm);
    const text = `${length.toFixed(length < 10 ? 1 : 0)} ${this.#film.spacing ? "mm" : "px"}`;
    this.ruler.replaceChildren(
      svgEl("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y }),
      svgEl("text", { x: to.x, y: to.y }, text),
    );
    this.#draw();
  }

  #pointOf(event) {
    const { left, top } = this.node.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #filmPoint({ x, y }) {
    return { x: (x - this.#view.x) / this.#view.scale, y: (y - this.#view.y) / this.#view.scale };
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
    if (this.#isPaper) return undefined;
    const { width, height } = this.node.getBoundingClientRect();
    const dense = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * dense), height: Math.round(height * dense) });
    const { scale, x, y } = this.#view;
    this.moved.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    for (const label of this.ruler.querySelectorAll("text")) label.setAttribute("font-size", 15 / scale);
    this.#drawScaleBar(width);
    this.numbers.textContent = "";
    if (!this.#film) return undefined;
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.setTransform(dense * scale, 0, 0, dense * scale, dense * x, dense * y);
    pen.drawImage(this.#shown, 0, 0);
    const { centre, width: range } = this.#window;
    const zoom = Math.round((100 * scale) / this.#fittedScale());
    this.numbers.textContent = `${t("window")} ${Math.round(range)}  ${t("level")} ${Math.round(centre)}  ${zoom} %`;
    return undefined;
  }

  #drawScaleBar(width) {
    const spacing = this.#film?.spacing;
    const pixelMm = spacing && spacing[1] / this.#view.scale;
    const length = spacing && SCALE_BARS_MM.find((mm) => mm / pixelMm < width / 3);
    this.scaleBar.hidden = !length;
    if (!length) return;
    this.scaleBar.style.width = `${length / pixelMm}px`;
    this.scaleBar.textContent = length >= 10 ? `${length / 10} cm` : `${length} mm`;
  }
}

/** What each of 256 grey values is shown as. */
export function windowTable({ centre, width, inverted }) {
  const low = centre - width / 2;
  return Uint8ClampedArray.from({ length: 256 }, (_, grey) => {
    const shown = ((grey - low) / width) * 255;
    return inverted ? 255 - shown : shown;
  });
}

function greyOf(bitmap) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  return Uint8ClampedArray.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
}
