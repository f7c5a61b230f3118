// What a human decides of a film: which findings are there, where, and how to take a step back.

import { FINDINGS, colourOf } from "./config.js";
import { MaskCanvas, areaOf } from "./mask_canvas.js";

const MOST_UNDONE = 50;
const DRAWN = ["accepted", "corrected", "added"];

export class Annotation {
  #outlined; // name -> region, as the network has it
  #film; // {width, height}
  #steps = [];
  #decisions = new Map(); // name -> {decision, mask: MaskCanvas or null}
  #isUnsuitable = false;
  #comment = "";
  basedOn = 0;
  isUnsaved = false;

  /** @param outlines what the network outlined; its findings are never changed. */
  constructor(outlines) {
    this.#film = { width: outlines.width, height: outlines.height };
    this.#outlined = new Map(outlines.findings.map((region) => [region.name, region]));
    this.model = outlines.model;
  }

  isOutlined(name) {
    return this.#outlined.has(name);
  }

  decisionOf(name) {
    return this.#decisions.get(name)?.decision ?? null;
  }

  get isUnsuitable() {
    return this.#isUnsuitable;
  }

  set isUnsuitable(is) {
    [this.#isUnsuitable, this.isUnsaved] = [is, true];
  }

  get comment() {
    return this.#comment;
  }

  set comment(text) {
    [this.#comment, this.isUnsaved] = [text, true];
  }

  /** Nothing to save. Where something was saved before, nothing takes it all back. */
  get isEmpty() {
    return this.#decisions.size === 0 && !this.isUnsuitable && this.basedOn === 0;
  }

  /** Whether there are pixels to erase. */
  hasOutline(name) {
    return Boolean(this.#decisions.get(name)?.mask) || this.isOutlined(name);
  }

  get canUndo() {
    return this.#steps.length > 0;
  }

  /** The masks to be seen: [{name, canvas}]. */
  get masks() {
    return [...this.#decisions].filter(([, one]) => one.mask).map(([name, { mask }]) => ({ name, canvas: mask.canvas }));
  }

  /** Begin from what was stored. */
  load(stored) {
    this.#isUnsuitable = stored.is_unsuitable;
    this.#comment = stored.comment;
    this.join(stored);
  }

  /** Take over what others have decided on findings that nothing was decided on here; the next version begins there. */
  join(stored) {
    this.basedOn = stored.version;
    for (const [name, { decision, mask }] of Object.entries(stored.findings)) {
      if (this.#decisions.has(name)) continue;
      const { size: [height, width] = [] } = mask ?? {};
      if (mask && (width !== this.#film.width || height !== this.#film.height)) continue; // of another film's size
      this.#decisions.set(name, { decision, mask: mask ? this.#maskOf(name, mask) : null });
    }
  }

  /** accepted, rejected or uncertain; null takes the decision back. */
  decide(name, decision) {
    this.remember(name);
    if (decision === null) this.#decisions.delete(name);
    else this.#decisions.set(name, { decision, mask: decision === "accepted" ? this.#networkMask(name) : null });
  }

  /** The mask to draw on: from then on the finding is corrected, or added where the network missed it. */
  maskToDraw(name) {
    const mask = this.#decisions.get(name)?.mask ?? this.#networkMask(name);
    this.#decisions.set(name, { decision: this.isOutlined(name) ? "corrected" : "added", mask });
    return mask;
  }

  /** Before a change: keep how one finding stands. */
  remember(name) {
    this.isUnsaved = true;
    const now = this.#decisions.get(name);
    this.#steps.push({ name, kept: now && { decision: now.decision, runs: now.mask?.runs ?? null } });
    if (this.#steps.length > MOST_UNDONE) this.#steps.shift();
  }

  /** Take the last change back; the name of the finding it was about. */
  undo() {
    const step = this.#steps.pop();
    if (!step) return null;
    this.isUnsaved = true;
    const { name, kept } = step;
    if (kept) this.#decisions.set(name, { decision: kept.decision, mask: kept.runs ? this.#maskOf(name, kept.runs) : null });
    else this.#decisions.delete(name);
    return name;
  }

  /** As it is sent: an outline that was wholly erased says that the finding is not there. */
  toJson() {
    const findings = {};
    for (const name of FINDINGS) {
      const one = this.#decisions.get(name);
      if (!one) continue;
      const mask = DRAWN.includes(one.decision) ? one.mask.runs : null;
      findings[name] = mask && areaOf(mask) === 0 ? { decision: "rejected" } : { decision: one.decision, ...(mask ? { mask } : {}) };
    }
    const { basedOn: based_on, isUnsuitable: is_unsuitable, comment, model } = this;
    return { based_on, model, is_unsuitable, comment, findings };
  }

  #networkMask(name) {
    const mask = new MaskCanvas(this.#film.width, this.#film.height, colourOf(name));
    mask.fill(this.#outlined.get(name)?.polygons ?? []);
    return mask;
  }

  #maskOf(name, runs) {
    const mask = new MaskCanvas(this.#film.width, this.#film.height, colourOf(name));
    mask.runs = runs;
    return mask;
  }
}
