// The legend: what is outlined, in which colour, how large and how sure; each can be switched off.

import { colourOf } from "./config.js";
import { el, put } from "./dom.js";
import { placeOf } from "./outlines.js";
import { sureness, t, term } from "./words.js";

/**
 * Fill the legend.
 * @param shown {visible: Set of names, opacity: {finding, structure}, earlier: regions of the prior or null}
 * @param on {toggle(name, isOn), toggleAll(kind, isOn), opacity(kind, value), light(name or null)}
 */
export function showLayers(node, outlines, shown, on) {
  put(
    node,
    outlines.in_doubt ? null : group("finding", t("findings"), outlines.findings, shown, on),
    outlines.in_doubt ? null : measures(outlines.measures ?? {}, shown.before),
    group("structure", t("structures"), outlines.structures, shown, on),
    outlines.quality_notes?.length ? notes(outlines.quality_notes) : null,
  );
}

/** Light one row. */
export function lightLayers(node, name) {
  for (const row of node.querySelectorAll("[data-region]")) row.classList.toggle("lit", row.dataset.region === name);
}

function group(kind, title, regions, shown, on) {
  const everyOne = el("input", { type: "checkbox", "data-key": `all-${kind}`, "aria-label": `${t("allOf")} ${title}` });
  const visible = regions.filter((region) => shown.visible.has(region.name)).length;
  everyOne.checked = regions.length > 0 && visible === regions.length;
  everyOne.indeterminate = visible > 0 && visible < regions.length;
  everyOne.addEventListener("change", () => on.toggleAll(kind, everyOne.checked));
  const label = `${t("opacity")}: ${title}`;
  const slider = el("input", { type: "range", min: 0, max: 100, "data-key": `opacity-${kind}`, "aria-label": label });
  slider.value = 100 * shown.opacity[kind];
  slider.addEventListener("input", () => on.opacity(kind, slider.value / 100));
  return el(
    "section",
    { class: "group" },
    el("div", { class: "group-head" }, el("label", {}, everyOne, el("h3", {}, title)), slider),
    regions.length
      ? el("ul", { class: `rows ${kind}` }, regions.map((region) => row(region, shown, on)))
      : el("p", { class: "quiet" }, t(kind === "finding" ? "nothingOutlined" : "noStructures")),
  );
}

function row(region, shown, on) {
  const toggle = () => on.toggle(region.name, box.checked);
  const box = el("input", { type: "checkbox", "data-key": `show-${region.name}`, onchange: toggle });
  box.checked = shown.visible.has(region.name);
  const swatch = el("span", { class: "swatch" });
  swatch.style.setProperty("--colour", colourOf(region.name));
  const earlier = shown.earlier && (shown.earlier.find((other) => other.name === region.name) ?? null);
  return el(
    "li",
    {
      "data-region": region.name,
      onpointerenter: () => on.light(region.name),
      onpointerleave: () => on.light(null),
      onfocusin: () => on.light(region.name),
      onfocusout: () => on.light(null),
    },
    el("label", {}, box, swatch, el("span", { class: "name" }, term(region.name))),
    region.kind === "structure" ? el("span", { class: "measure" }, sizeOf(region)) : null,
    region.kind === "finding" ? el("p", { class: "detail" }, measuresOf(region)) : null,
    region.kind === "finding" ? el("p", { class: "detail" }, placeOf(region)) : null,
    shown.denied?.has(region.name) ? el("p", { class: "detail denied" }, t("denied")) : null,
    region.kind === "finding" && shown.earlier ? el("p", { class: "detail" }, change(region, earlier)) : null,
  );
}

/** Area in square centimetres, or in pixels when the film gives no spacing. */
function sizeOf(region) {
  if (region.area_mm2 === null || region.area_mm2 === undefined) return `${region.area_px} px`;
  return `${(region.area_mm2 / 100).toFixed(1)} cm²`;
}

function measuresOf(region) {
  const share = `${Math.round(100 * region.share_of_body)} % ${t("ofBody")}`;
  return [el("b", {}, sizeOf(region)), ` · ${share} · ${sureness(region.confidence)}`];
}

function change(region, earlier) {
  const before = Math.round(100 * (earlier?.share_of_body ?? 0));
  return `${t("prior")}: ${earlier ? `${before} % ${t("ofBody")}` : t("notOutlined")}`;
}

// As pedaxr.measuring names them: lengths as a ratio to the width of L2 and, where spacing is known, in mm.
const LENGTHS = ["widest_loop", "stomach", "widest_colon", "rectum", "free_air_gap", "longest_level", "l2_width"];
const SHARES = ["right_colon", "left_colon", "rectosigmoid"];

function measures(now, before) {
  const rows = [
    ...LENGTHS.map((name) => [name, (of) => lengthOf(of, name)]),
    ["air_fluid_levels", (of) => of.air_fluid_levels],
    ...SHARES.map((part) => [`stool_share_${part}`, (of) => percent(of[`stool_share_${part}`])]),
  ].filter(([, value]) => known(value(now)));
  if (!rows.length) return null;
  return el("section", { class: "group" }, el("h3", {}, t("measures")),
    el("ul", { class: "rows measured" }, rows.map(([name, value]) =>
      el("li", {}, el("span", { class: "name" }, t(`measure_${name}`)), el("span", { class: "measure" }, String(value(now))),
        before ? el("p", { class: "detail" }, `${t("prior")}: ${known(value(before)) ? value(before) : "–"}`) : null))));
}

const known = (value) => value !== null && value !== undefined && value !== "";
const percent = (share) => (known(share) ? `${Math.round(100 * share)} %` : "");

function lengthOf(of, name) {
  const [ratio, mm] = [of[`${name}_to_l2`], of[`${name}_mm`]];
  return [known(ratio) ? `${ratio.toFixed(1)} × L2` : "", known(mm) ? `${Math.round(mm)} mm` : ""].filter(Boolean).join(" · ");
}

function notes(texts) {
  return el("div", { class: "notes" }, el("h3", {}, t("quality")), el("ul", {}, texts.map((text) => el("li", {}, text))));
}
