// The page before a film: what waits for a human, most urgent first, and in the demo two names to try.

import { isDemo } from "./config.js";
import { el, put } from "./dom.js";
import { t, term } from "./words.js";

const KINDS = ["critical", "unread", "unsigned"];

/**
 * @param teaching films that would teach most, or null
 * @param on {open(study id), search(name), load() or null: asks for the list where a login comes first, teach()}
 */
export function showStart(node, list, teaching, on) {
  put(
    node,
    el("p", { class: "lead" }, t("start")),
    isDemo && list ? tryThese(namesToTry(list), on) : null,
    on.load ? el("button", { type: "button", onclick: on.load }, t("showWorklist")) : null,
    list ? orders(Boolean(teaching), on) : null,
    teaching ? instructive(teaching, on) : list ? KINDS.map((kind) => waiting(kind, list, on)) : null,
    list && !teaching && list.looked_at < list.films ? el("p", { class: "quiet" }, t("olderNotListed", list.looked_at, list.films)) : null,
  );
}

const tryThese = (names, on) => el("p", { class: "try" }, t("tryNames"), " ",
  names.map((name) => [el("button", { type: "button", onclick: () => on.search(name) }, name), " "]));

/** A name that one child has, and one that two share. */
function namesToTry(list) {
  const films = KINDS.flatMap((kind) => list[kind]).filter((film) => film.patient_name);
  const children = new Map();
  for (const film of films) children.set(film.patient_name, (children.get(film.patient_name) ?? new Set()).add(film.patient_id));
  const names = [...children.keys()];
  const isShared = (name) => children.get(name).size > 1;
  return [names.find((name) => !isShared(name)), names.find(isShared)].filter(Boolean);
}

/** By what is urgent, or by what the networks would learn most from. */
const orders = (isTeaching, on) => el("p", { class: "orders", role: "group", "aria-label": t("order") }, `${t("order")}: `,
  [false, true].map((teaches) => el("button",
    { type: "button", "data-key": `order-${teaches}`, "aria-pressed": String(teaches === isTeaching), onclick: () => on.teach(teaches) },
    t(teaches ? "orderTeaching" : "orderUrgency"))));

function instructive(teaching, on) {
  return el("section", { class: "waiting teaching" },
    el("h2", {}, t("orderTeaching")),
    el("p", { class: "quiet" }, t("teachingTold", teaching.corrected, teaching.looked_at)),
    el("ul", { class: "candidates" }, teaching.films.map((film) => el("li", {}, el("button",
      { type: "button", onclick: () => on.open(film.study_id) },
      el("span", { class: "name" }, film.patient_name ?? film.study_id),
      film.is_in_doubt ? el("span", { class: "tag" }, t("teachingDoubt")) : null,
      el("span", { class: "facts" }, [...whyInstructive(film), film.study_date, film.study_id].filter(Boolean).join(" · ")))))));
}

function whyInstructive(film) {
  const { disagreements, rare, unsure } = film;
  return [
    disagreements.length ? t("teachingDisagree", disagreements.map(term).join(", ")) : null,
    unsure === null ? null : t("teachingUnsure", Math.round(unsure * 100)),
    rare.length ? t("teachingRare", rare.map(term).join(", ")) : null,
  ];
}

function waiting(kind, list, on) {
  const films = list[kind];
  if (!films.length) return null;
  const total = list[`${kind}_total`];
  return el("section", { class: `waiting ${kind}` },
    el("h2", {}, `${t(`waiting_${kind}`)} (${total})`),
    el("ul", { class: "candidates" }, films.map((film) => el("li", {}, filmButton(film, on)))),
    total > films.length ? el("p", { class: "quiet" }, t("moreWait", total - films.length)) : null);
}

function filmButton(film, on) {
  const isSigned = ["final", "amended"].includes(film.report_status);
  const born = film.patient_birth_date ? `${t("born")} ${film.patient_birth_date}` : null;
  return el("button", { type: "button", onclick: () => on.open(film.study_id) },
    el("span", { class: "name" }, film.patient_name ?? film.study_id),
    film.critical.length ? el("span", { class: "tag alarm" }, film.critical.map(term).join(", ")) : null,
    isSigned ? el("span", { class: "tag" }, t(`status_${film.report_status}`)) : null,
    el("span", { class: "facts" }, [film.study_date ?? t("unknown"), born, film.study_id].filter(Boolean).join(" · ")));
}
