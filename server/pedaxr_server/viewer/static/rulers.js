// Rulers on a film: any number of them, in pixels of the film, so that they stay where they were laid.

import { svgEl } from "./dom.js";

const SCALE_BARS_MM = [100, 50, 20, 10, 5];
const SHORTEST_PX = 4; // on the screen: less is a tap, not a ruler
const LABEL_PX = 15;

export class Rulers {
  #laid = []; // {from, to}, points of the film
  #next = null;

  constructor() {
    this.node = svgEl("g", { class: "ruler" });
  }

  get count() {
    return this.#laid.length;
  }

  begin(point) {
    this.#next = { from: point, to: point };
  }

  extend(point) {
    if (this.#next) this.#next.to = point;
  }

  /** Keep the one being laid, unless it is too short on the screen. */
  end(scale) {
    const ruler = this.#next;
    this.#next = null;
    if (ruler && Math.hypot(ruler.to.x - ruler.from.x, ruler.to.y - ruler.from.y) * scale >= SHORTEST_PX) this.#laid.push(ruler);
  }

  cancel() {
    this.#next = null;
  }

  removeLast() {
    this.#laid.pop();
  }

  clear() {
    this.#laid = [];
    this.#next = null;
  }

  /** Draw them for a film shown at `scale`; `spacing` in millimetres per pixel, row then column, or null. */
  draw({ scale, isFlipped, spacing }) {
    const all = this.#next ? [...this.#laid, this.#next] : this.#laid;
    this.node.replaceChildren(...all.map((ruler) => drawnRuler(ruler, { scale, isFlipped, spacing })));
  }
}

function drawnRuler({ from, to }, { scale, isFlipped, spacing }) {
  const ends = [from, to].map(({ x, y }) => svgEl("circle", { cx: x, cy: y, r: 3 / scale }));
  const turn = isFlipped ? " scale(-1 1)" : ""; // the film is mirrored, its figures are not
  const label = svgEl(
    "text",
    { transform: `translate(${to.x} ${to.y})${turn}`, x: 6 / scale, y: -6 / scale, "font-size": LABEL_PX / scale },
    rulerText(from, to, spacing),
  );
  return svgEl("g", {}, svgEl("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y }), ends, label);
}

/** Such as "12 mm"; in pixels of the film where its spacing is not known. */
function rulerText(from, to, spacing) {
  const [rowMm, columnMm] = spacing ?? [1, 1];
  const length = Math.hypot((to.x - from.x) * columnMm, (to.y - from.y) * rowMm);
  return `${length.toFixed(length < 10 ? 1 : 0)} ${spacing ? "mm" : "px"}`;
}

/** The longest bar that takes less than a third of the pane; none where the film gives no spacing. */
export function drawScaleBar(node, width, spacing, scale) {
  const pixelMm = spacing && spacing[1] / scale;
  const length = spacing && SCALE_BARS_MM.find((mm) => mm / pixelMm < width / 3);
  node.hidden = !length;
  if (!length) return;
  node.style.width = `${length / pixelMm}px`;
  node.textContent = length >= 10 ? `${length / 10} cm` : `${length} mm`;
}
