// Every stored version of a report, and what differs between one of them and the one on screen.

import { el, put } from "./dom.js";
import { timeOf } from "./report_head.js";
import { wordDiff } from "./word_diff.js";
import { phrase, t } from "./words.js";

/** @param on {show(report id)} */
export function showVersions(node, versions, shown, on) {
  const differences = el("div", { class: "differences", "aria-live": "polite" });
  put(
    node,
    el("h3", {}, t("versions")),
    el("ul", { class: "versions" }, [...versions].reverse().map((one) => versionItem(one, shown, on, differences))),
    differences,
  );
}

function versionItem(one, shown, on, differences) {
  const isShown = one.report_id === shown.report_id;
  const when = timeOf(one.signed_at ?? one.created_at);
  const named = t("version", one.version);
  return el("li", { "aria-current": isShown ? "true" : null },
    el("span", {}, [named, t(`status_${one.status}`), one.signed_by, when].filter(Boolean).join(" · ")),
    isShown ? null : el("span", { class: "actions" },
      el("button", { type: "button", "aria-label": `${t("show")}, ${named}`, onclick: () => on.show(one.report_id) }, t("show")),
      el("button", { type: "button", "aria-label": `${t("compare")}, ${named}`, onclick: () => showDifferences(differences, one, shown) }, t("compare"))));
}

/** Section by section, from the older version to the newer; what is the same is left out. */
function showDifferences(node, one, shown) {
  const [before, after] = one.version < shown.version ? [one, shown] : [shown, one];
  const names = [...new Set([...Object.keys(before.sections), ...Object.keys(after.sections)])];
  const changed = names.filter((name) => (before.sections[name] ?? "") !== (after.sections[name] ?? ""));
  put(
    node,
    el("h3", {}, t("differencesOf", before.version, after.version)),
    changed.length ? null : el("p", {}, t("noDifferences")),
    changed.map((name) => el("div", { class: "section" }, el("h4", {}, phrase(name)),
      el("p", {}, wordDiff(before.sections[name] ?? "", after.sections[name] ?? "").map(run)))),
  );
}

const TAGS = { same: "span", gone: "del", new: "ins" };
const run = ({ kind, text }) => [el(TAGS[kind], {}, text), " "];
