// Outlines over a film: one SVG path per region, which can be pointed at, focused and lit.

import { colourOf } from "./config.js";
import { svgEl } from "./dom.js";
import { phrase, term } from "./words.js";

/** Draw regions (Region of the tools) into a pane; `light(name or null)` is called when one is pointed at. */
export function drawOutlines(pane, regions, light) {
  // Structures first, so that findings lie on top and take the pointer.
  const ordered = [...regions].sort((a, b) => Number(a.kind === "finding") - Number(b.kind === "finding"));
  pane.outlines.replaceChildren(...ordered.map((region) => pathOf(region, light)));
}

/** Show the visible ones at their opacity, and light one: the others step back. */
export function styleOutlines(pane, { visible, opacity, lit, isOn }) {
  for (const path of pane.outlines.children) {
    const { region, kind } = path.dataset;
    const isLit = lit === region;
    path.toggleAttribute("hidden", !isOn || !(isLit || visible.has(region)));
    path.classList.toggle("lit", isLit);
    path.classList.toggle("dim", lit !== null && !isLit);
    path.style.fillOpacity = isLit ? Math.max(opacity[kind], 0.22) : opacity[kind];
  }
}

function pathOf(region, light) {
  const path = svgEl("path", {
    d: region.polygons.map((points) => `M${points.map((point) => point.join(" ")).join("L")}Z`).join(""),
    "data-region": region.name,
    "data-kind": region.kind,
    stroke: colourOf(region.name),
    fill: colourOf(region.name),
    tabindex: region.kind === "finding" ? "0" : null,
    role: "img",
    "aria-label": `${term(region.name)}, ${placeOf(region)}`,
    onpointerenter: () => light(region.name),
    onpointerleave: () => light(null),
    onfocus: () => light(region.name),
    onblur: () => light(null),
  });
  path.append(svgEl("title", {}, term(region.name)));
  return path;
}

/** Where it lies, in words; sides are the patient's. */
export function placeOf(region) {
  if (region.quadrants.length === 4) return phrase("all four quadrants");
  return region.quadrants.map(phrase).join(", ") || phrase("place not certain");
}
