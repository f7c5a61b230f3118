// The draft report: its sentences with what the outlines say of them, its flags, and where it comes from.

import { el, put } from "./dom.js";
import { phrase, t, term } from "./words.js";

const MARKS = { grounded: "✓", hedged: "~", struck: "✗", missing: "+", not_checked: "·" };

/**
 * @param korean {sections, sentences, flags} to show in place of the report's own, or null
 * @param on {light(name or null), redraft(indication)}
 */
export function showReport(node, report, korean, on) {
  const told = korean ?? report;
  const { Findings: findings, ...sections } = told.sections;
  const before = ["Technique", "Indication"];
  const names = Object.keys(sections).filter((name) => name !== "Impression"); // it comes first
  const first = names.filter((name) => before.includes(name));
  const last = names.filter((name) => !before.includes(name));
  put(
    node,
    head(report),
    note(t(korean ? "koreanText" : "reportLanguage")),
    flags(told.flags),
    section("Impression", sections.Impression),
    first.map((name) => section(name, sections[name])),
    el("h3", {}, phrase("Findings")),
    report.human_sections?.includes("Findings") ? el("p", {}, findings) : sentences(told, on),
    grouped(last, sections, report.sections),
    korean ? folded(t("original"), sentences(report, on)) : null,
    witnesses(report.findings, on),
    redraft(on),
    about(report, korean),
  );
}

/** Light the sentences and rows that speak of one finding. */
export function lightReport(node, name) {
  for (const item of node.querySelectorAll("[data-finding]")) {
    item.classList.toggle("lit", name !== null && item.dataset.finding === name);
  }
}

/** The banner; hidden when nothing is critical. */
export function showCritical(node, report) {
  const names = report?.critical ?? [];
  node.hidden = names.length === 0;
  put(node, names.length ? t("critical", names.map(term).join(", ")) : "");
}

function head(report) {
  const { status } = report;
  const isSigned = Boolean(report.signed_by);
  return el("p", { class: "report-head" },
    el("span", { class: `stamp ${isSigned ? "final" : ""}` }, t(`status_${status}`)),
    el("strong", {}, term(report.label)),
    el("span", { class: "quiet" }, `${t("drafted")} ${timeOf(report.created_at)}`),
    isSigned ? el("span", {}, `${t("signed")} ${report.signed_by}, ${timeOf(report.signed_at)}`) : null);
}

const note = (text) => (text ? el("p", { class: "quiet" }, text) : null);

/** Local time in the order of the other dates. */
function timeOf(text) {
  const made = new Date(text);
  const two = (number) => String(number).padStart(2, "0");
  const day = [made.getFullYear(), two(made.getMonth() + 1), two(made.getDate())].join("-");
  return `${day} ${two(made.getHours())}:${two(made.getMinutes())}`;
}

function flags(texts) {
  if (!texts.length) return null;
  return el("div", { class: "flags", role: "note" },
    el("h3", {}, t("toCheck")), el("ul", {}, texts.map((text) => el("li", {}, text))));
}

function section(name, text) {
  if (!text) return null;
  const supplied = name === "Indication" ? ` (${t("asSupplied")})` : "";
  return el("div", { class: `section ${name === "Impression" ? "impression" : ""}` },
    el("h3", {}, phrase(name) + supplied),
    name === "Indication" ? el("blockquote", {}, text) : pointsOf(name, text).map((point) => el("p", {}, point)));
}

/** "1. ... 2. ..." as one point a line, and a comparison as one measure a line. */
const pointsOf = (name, text) => text.split(name === "Comparison" ? /(?<=\.)\s+/ : /(?<=\.)\s+(?=\d\. )/);

/** Sections that say the same ("not assessed") stand in one line. */
function grouped(names, sections, english) {
  const same = names.filter((name) => /^not assessed/i.test(english[name]));
  const rest = names.filter((name) => !same.includes(name));
  return [
    ...rest.map((name) => section(name, sections[name])),
    same.length
      ? el("p", { class: "quiet" }, el("b", {}, same.map(phrase).join(", ")), `: ${sections[same[0]]}`)
      : null,
  ];
}

const sentences = (told, on) => el("ol", { class: "sentences" }, told.sentences.map((one) => sentenceItem(one, on)));

const folded = (title, ...inside) => el("details", {}, el("summary", {}, title), inside);

function sentenceItem({ text, finding, verdict, reason }, on) {
  const title = [t(`verdict_${verdict}`), reason].filter(Boolean).join(": ");
  return el(
    "li",
    {
      class: verdict, tabindex: "0", "data-finding": finding ?? "", title,
      onpointerenter: () => on.light(finding ?? null),
      onpointerleave: () => on.light(null),
      onfocus: () => on.light(finding ?? null),
      onblur: () => on.light(null),
    },
    el("span", { class: "mark", role: "img", "aria-label": title }, MARKS[verdict] ?? "·"),
    el(verdict === "struck" ? "s" : "span", {}, text),
    ["hedged", "struck", "missing"].includes(verdict) ? el("small", {}, title) : null,
  );
}

function witnesses(findings, on) {
  const titles = ["finding", "said", "probability", "outlined", "agreed"];
  return el("details", { open: findings.some((one) => !one.agreed) },
    el("summary", {}, t("bothWitnesses")),
    el("div", { class: "table" }, el("table", {},
      el("thead", {}, el("tr", {}, titles.map((key) => el("th", { scope: "col" }, t(key))))),
      el("tbody", {}, findings.map((one) => witnessRow(one, on))))));
}

function witnessRow(one, on) {
  const said = [t(`presence_${one.presence}`), one.severity && phrase(one.severity)].filter(Boolean).join(", ");
  return el("tr",
    {
      class: one.agreed ? "" : "disagree", "data-finding": one.finding,
      onpointerenter: () => on.light(one.finding),
      onpointerleave: () => on.light(null),
    },
    el("th", { scope: "row" }, term(one.finding)),
    el("td", {}, said),
    el("td", { class: "number" }, one.probability?.toFixed(2) ?? ""),
    el("td", {}, one.region_area_px > 0 ? t("yes") : t("no")),
    el("td", {}, one.agreed ? t("yes") : t("disagree")));
}

// Not a form: a chat host's frame may forbid submitting one.
function redraft(on) {
  const field = el("input", { id: "indication", maxlength: "500", autocomplete: "off", placeholder: t("indicationHint") });
  const go = () => on.redraft(field.value.trim());
  field.addEventListener("keydown", (event) => event.key === "Enter" && go());
  return el("div", { class: "redraft" },
    el("label", { for: "indication" }, t("indication")), field,
    el("button", { type: "button", onclick: go }, t("draftAgain")));
}

function about(report, korean) {
  return el("div", { class: "about" },
    el("h3", {}, t("about")),
    typeof report.confidence === "number" ? el("p", {}, t("sureness", report.confidence.toFixed(2))) : null,
    el("p", {}, t("dependence", report.image_dependence.toFixed(2))),
    el("p", {}, `${report.report_id} · ${report.model}`),
    korean ? el("p", {}, `${t("notice")} ${t("reader")}`) : [report.data_statement, report.disclaimer].map((text) => el("p", {}, text)));
}
