// Drawing by keyboard: a crosshair that arrow keys move over the film, and words for what it did.

import { byId, debounced, el, put, svgEl } from "./dom.js";
import { t } from "./words.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 4; // pixels of the page: closer in, a step is a smaller part of the film
const LARGE = 8; // times that, with Shift
const GAP = 7; // pixels of the page between the middle and each line
const QUIET_MS = 600; // a position is said when the crosshair has stopped

export class Crosshair {
  #pane;
  #hand;
  #point = null; // of the film
  #cross = svgEl("g", { class: "aim" });
  #where = el("p", { class: "badge aimed", "aria-hidden": "true", hidden: true });
  #told = el("p", { class: "badge told", role: "status" });
  #help = el("p", { id: "aim-help", class: "hidden" });
  #sayWhere = debounced(() => this.isShown && this.say(this.#position()), QUIET_MS);

  /**
   * @param hand {isReady(), radius(), set(point), moved(point), back(), leave(), name(), isFirst(point)}: who draws;
   *   `radius` is null where the pen has none.
   */
  constructor(pane, hand) {
    [this.#pane, this.#hand] = [pane, hand];
    pane.moved.append(this.#cross);
    pane.node.append(this.#where, this.#told, this.#help);
    pane.node.addEventListener("keydown", (event) => this.#key(event));
    pane.node.addEventListener("focus", () => pane.node.matches(":focus-visible") && this.#hand.isReady() && this.show());
    pane.node.addEventListener("blur", () => this.hide());
    pane.node.addEventListener("pointerdown", () => this.hide());
  }

  get isShown() {
    return !this.#where.hidden;
  }

  /** While outlines are corrected a screen reader passes the keys on, and says what they do. */
  setOpen(isOpen) {
    this.#pane.node.setAttribute("role", isOpen ? "application" : "group");
    this.#help.textContent = isOpen ? t("aimHelp") : "";
    if (isOpen) this.#pane.node.setAttribute("aria-describedby", this.#help.id);
    else this.#pane.node.removeAttribute("aria-describedby");
    if (isOpen) return;
    this.hide();
    this.#point = null;
    this.say("");
  }

  show() {
    this.#point ??= this.#middle();
    this.#where.hidden = false;
    this.draw();
    this.say(`${this.#hand.name()}. ${this.#position()}`);
  }

  hide() {
    if (!this.isShown) return;
    this.#where.hidden = true;
    this.#sayWhere.cancel();
    put(this.#cross);
    this.#hand.leave();
  }

  /** Into the live region, which stays where it is: one that is made anew is not heard. */
  say(text) {
    this.#told.textContent = text;
  }

  draw() {
    if (!this.isShown) return;
    const { width, height } = this.#pane.filmSize;
    const { x, y } = this.#point;
    const radius = this.#hand.radius();
    const gap = radius ?? GAP / this.#pane.scale; // what is under it stays in sight
    const line = (x1, y1, x2, y2, kind) => svgEl("line", { x1, y1, x2, y2, class: kind });
    const lines = (kind) => [
      line(0, y, x - gap, y, kind), line(x + gap, y, width, y, kind), line(x, 0, x, y - gap, kind), line(x, y + gap, x, height, kind),
      radius ? svgEl("circle", { cx: x, cy: y, r: radius, class: kind }) : null,
    ];
    put(this.#cross, lines("under"), lines("over"));
    this.#where.textContent = this.#position();
  }

  /** The pixel of the film in the middle of the pane. */
  #middle() {
    const { width, height } = this.#pane.filmSize;
    return this.#onFilm({ x: this.#pane.place.u * width, y: this.#pane.place.v * height });
  }

  #onFilm({ x, y }) {
    const within = (at, size) => Math.min(Math.max(Math.round(at), 0), size - 1);
    const { width, height } = this.#pane.filmSize;
    return { x: within(x, width), y: within(y, height) };
  }

  #position() {
    return t("aimAt", this.#point.x, this.#point.y);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#hand.isReady()) return;
    const arrow = ARROWS[event.key];
    const act = arrow ? () => this.#move(arrow, event.shiftKey ? STEP * LARGE : STEP) : this.isShown && this.#acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // the same keys move the film, and take rulers away
    act();
  }

  #acts = {
    Enter: () => this.#hand.set(this.#point),
    " ": () => this.#hand.set(this.#point),
    Backspace: () => this.#hand.back(),
    Escape: () => byId("annotate").querySelector("[data-key=aim]").focus(),
  };

  #move([across, down], step) {
    if (!this.isShown) this.show();
    const size = Math.max(1, Math.round(step / this.#pane.scale));
    const { x, y } = this.#point;
    this.#point = this.#onFilm({ x: x + (this.#pane.isFlipped ? -across : across) * size, y: y + down * size });
    this.#pane.reveal(this.#point);
    this.draw();
    this.#hand.moved(this.#point);
    if (this.#hand.isFirst(this.#point)) this.say(t("aimFirst"));
    else this.#sayWhere();
  }
}
