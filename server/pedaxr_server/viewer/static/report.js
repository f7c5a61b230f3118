// The report: a human's words first, then its sentences with what the outlines say of them, its flags, and where it
// comes from.

import { el, put } from "./dom.js";
import { isSigned, reportHead } from "./report_head.js";
import { chanceOf, phrase, sureness, t, term } from "./words.js";

const MARKS = { grounded: "✓", hedged: "~", struck: "✗", missing: "+", not_checked: "·" };

/**
 * @param korean {sections, sentences, flags} to show in place of the report's own, or null
 * @param on {light(name or null), redraft(indication) or null, show(report id)}
 */
export function showReport(node, report, korean, on) {
  const told = korean ?? report;
  put(
    node,
    reportHead(report, korean, on),
    note(t(korean ? "koreanText" : "reportLanguage")),
    report.in_doubt && !isSigned(report) ? doubted(report, told) : body(report, told, on),
    korean && !report.in_doubt ? folded(t("original"), sentences(report, on)) : null,
    report.in_doubt ? null : witnesses(report.findings, on),
    on.redraft ? redraft(on) : null,
    about(report, korean),
  );
}

/** A film that gives no finding: the one sentence that says why and what to do, and what was asked. */
const doubted = (report, told) => [
  el("p", { class: "in-doubt", role: "note" }, told.in_doubt),
  section("Indication", told.sections.Indication),
];

function body(report, told, on) {
  const { Findings: findings, ...sections } = told.sections;
  const before = ["Technique", "Indication"];
  const names = Object.keys(sections).filter((name) => name !== "Impression"); // it comes first
  const first = names.filter((name) => before.includes(name));
  const last = names.filter((name) => !before.includes(name));
  const own = new Set(report.human_sections ?? []);
  return [
    section("Impression", sections.Impression, own),
    flags(told.flags),
    first.map((name) => section(name, sections[name], own)),
    el("h3", {}, phrase("Findings")),
    isSigned(report) && !own.has("Findings") ? note(t("machineDraft")) : null,
    own.has("Findings") ? el("p", {}, findings) : sentences(told, on),
    grouped(last, sections, report.sections, own),
  ];
}

/** Light the sentences and rows that speak of one finding. */
export function lightReport(node, name) {
  for (const item of node.querySelectorAll("[data-finding]")) {
    item.classList.toggle("lit", name !== null && item.dataset.finding === name);
  }
}

const note = (text) => (text ? el("p", { class: "quiet" }, text) : null);

function flags(texts) {
  if (!texts.length) return null;
  return el("div", { class: "flags", role: "note" },
    el("h3", {}, t("toCheck")), el("ul", {}, texts.map((text) => el("li", {}, text))));
}

function section(name, text, own = new Set()) {
  if (!text) return null;
  const supplied = name === "Indication" ? ` (${t("asSupplied")})` : own.has(name) ? ` (${t("ownWords")})` : "";
  return el("div", { class: `section ${name === "Impression" ? "impression" : ""}` },
    el("h3", {}, phrase(name) + supplied),
    name === "Indication" ? el("blockquote", {}, text) : pointsOf(name, text).map((point) => el("p", {}, point)));
}

/** "1. ... 2. ..." as one point a line, and a comparison as one measure a line. */
const pointsOf = (name, text) => text.split(name === "Comparison" ? /\n|(?<=\.)\s+/ : /\n|(?<=\.)\s+(?=\d\. )/);

/** Sections that say the same ("not assessed") stand in one line. */
function grouped(names, sections, english, own) {
  const same = names.filter((name) => /^not assessed/i.test(english[name]));
  const rest = names.filter((name) => !same.includes(name));
  return [
    ...rest.map((name) => section(name, sections[name], own)),
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
    el("td", {}, chanceOf(one.probability)),
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
    typeof report.confidence === "number" ? el("p", {}, t("sureness", sureness(report.confidence))) : null,
    el("p", {}, t(`dependence_${report.image_dependence >= 0.5 ? "high" : report.image_dependence >= 0.2 ? "some" : "low"}`)),
    el("p", {}, `${report.report_id} · ${report.model}`),
    korean ? el("p", {}, [t(`trained_${report.trained_on ?? "not_stated"}`), t("notice"), t("reader")].join(" ")) : [report.data_statement, report.disclaimer].map((text) => el("p", {}, text)));
}
