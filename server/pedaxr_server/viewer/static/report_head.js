// What stands above a report: whether a human signed it, what is critical, and which version is the study's report.

import { el, put } from "./dom.js";
import { t, term } from "./words.js";

/** The banner: what a human must hear of now, by the signed report where there is one; hidden when there is nothing. */
export function showCritical(node, report, outlines, korean) {
  const doubt = (korean ?? report)?.in_doubt ?? outlines?.in_doubt ?? "";
  const { critical = [], critical_certainty: certainty = {} } = governing(report);
  const told = critical.map((name) => [term(name), t(`certainty_${certainty[name] ?? "outlined"}`)].filter(Boolean).join(" "));
  node.hidden = critical.length === 0 && !doubt;
  node.classList.toggle("doubt", critical.length === 0);
  put(node, critical.length ? t("critical", told.join(", ")) : doubt);
}

/** Of a draft beside a signed report the signed one counts, whatever was drafted later. */
const governing = (report) => report?.signed_report ?? report ?? {};

export const isSigned = (report) => Boolean(report.signed_by);

/** Status, who signed, and what other versions say; `on.show(report id)` opens one of them, `korean` may be null. */
export function reportHead(report, korean, on) {
  return [
    el("p", { class: "report-head" },
      el("span", { class: `stamp ${isSigned(report) ? "final" : ""}` }, t(`status_${report.status}`)),
      isSigned(report) || !report.label ? null : el("strong", {}, term(report.label)),
      isSigned(report) ? el("strong", {}, `${t("signed")} ${report.signed_by}, ${timeOf(report.signed_at)}`) : null,
      el("span", { class: "quiet" }, `${t("version", report.version ?? 1)} · ${t("drafted")} ${timeOf(report.created_at)}`)),
    report.signed_report ? besideSigned(report.signed_report, on) : null,
    report.newer_draft ? besideDraft(report, korean, on) : null,
    report.critical_withdrawn?.length
      ? el("p", { class: "beside" }, t("withdrawn", report.critical_withdrawn.map(term).join(", "))) : null,
  ];
}

function besideSigned(signed, on) {
  return el("div", { class: "beside signed", role: "note" },
    el("p", {}, el("span", { class: "stamp final" }, t(`status_${signed.status}`)), " ",
      el("strong", {}, `${t("signed")} ${signed.signed_by}, ${timeOf(signed.signed_at)}`)),
    el("p", { class: "words" }, signed.impression),
    el("p", {}, t("draftAfterSignature")),
    el("button", { type: "button", onclick: () => on.show(signed.report_id) }, t("showSigned")));
}

function besideDraft(report, korean, on) {
  const { newer_draft: draft } = report;
  const differs = (korean ?? draft).differs ?? [];
  return el("div", { class: "beside", role: "note" },
    el("p", {}, t(isSigned(report) ? "newerAfterSignature" : "newerDraft", timeOf(draft.created_at))),
    differs.length ? el("ul", {}, differs.map((text) => el("li", {}, text))) : null,
    el("button", { type: "button", onclick: () => on.show(draft.report_id) }, t("showDraft")));
}

/** Local time in the order of the other dates. */
export function timeOf(text) {
  if (!text) return t("unknown");
  const made = new Date(text);
  const two = (number) => String(number).padStart(2, "0");
  const day = [made.getFullYear(), two(made.getMonth() + 1), two(made.getDate())].join("-");
  return `${day} ${two(made.getHours())}:${two(made.getMinutes())}`;
}
