// Finding a child: suggestions while typing, and a list to choose from when several answer. Nobody is ever picked.

import { debounced, el, put } from "./dom.js";
import { t } from "./words.js";

const SUGGESTED = 8;
const PAUSE_MS = 220;
const DAYS_PER_MONTH = 30.436875; // as pedaxr.ages
const LONGEST_MONTH_OFF = 5; // days by which three calendar months may differ from mean ones, and more
const HANGUL = /[\uac00-\ud7a3]/;

/** The search field with its list of suggestions (ARIA combobox). */
export class Search {
  #field;
  #list;
  #on;
  #options = [];
  #active = -1;
  #asked = 0; // for suggestions
  #submitted = 0;
  #later;

  /** @param on {find(query, limit), choose(match), answer(search), failed(error)} */
  constructor(form, field, list, on) {
    this.#field = field;
    this.#list = list;
    this.#on = on;
    this.#later = debounced(() => this.#suggest(), PAUSE_MS);
    field.addEventListener("input", this.#later);
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("blur", () => this.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Hide the suggestions; an answer still on its way is dropped. */
  close() {
    this.#later.cancel();
    this.#asked += 1;
    this.#show([]);
  }

  /** Search for a text as if it had been typed. */
  ask(query) {
    this.#field.value = query;
    return this.#submit();
  }

  /** The page goes elsewhere: whatever was searched for is not wanted any more. */
  drop() {
    this.#submitted += 1;
    this.close();
  }

  async #suggest() {
    const query = this.#field.value.trim();
    if (query.length < 2 && !HANGUL.test(query)) return this.close();
    const asked = ++this.#asked;
    try {
      const search = await this.#on.find(query, SUGGESTED);
      if (asked === this.#asked) this.#show(search.matches);
    } catch (error) {
      // A suggestion that fails is none; but the user has to know that a token is missing.
      if (["no_token", "forbidden", "unreachable"].includes(error.code)) this.#on.failed(error);
    }
  }

  async #submit() {
    const query = this.#field.value.trim();
    if (this.#active >= 0) return this.#choose(this.#options[this.#active]);
    if (!query) return undefined;
    this.close();
    const submitted = ++this.#submitted;
    try {
      const search = await this.#on.find(query, 20);
      if (submitted !== this.#submitted) return undefined;
      if (search.status === "one_match") this.#choose(search.matches[0]);
      else this.#on.answer(search);
    } catch (error) {
      this.#on.failed(error);
    }
    return undefined;
  }

  #choose(match) {
    this.#field.value = "";
    this.close();
    this.#on.choose(match);
  }

  #show(matches) {
    this.#options = matches;
    this.#active = -1;
    const shared = sharedNames(matches);
    const items = matches.map((match, i) =>
      el("li", {
        id: `option-${i}`, role: "option", "aria-selected": "false",
        // Before the field's blur, which would close the list under the pointer.
        onpointerdown: (event) => event.preventDefault(),
        onclick: () => this.#choose(match),
      }, ...describePatient(match, shared.has(match.patient_name))));
    put(this.#list, items);
    this.#list.hidden = matches.length === 0;
    this.#field.setAttribute("aria-expanded", String(matches.length > 0));
    this.#field.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.close();
    if (!step || this.#options.length === 0) return;
    event.preventDefault();
    const last = this.#options.length - 1;
    const next = this.#active < 0 ? (step > 0 ? 0 : last) : this.#active + step;
    this.#active = next < 0 ? last : next > last ? 0 : next;
    this.#list.childNodes.forEach((item, i) => item.setAttribute("aria-selected", String(i === this.#active)));
    this.#list.childNodes[this.#active].scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", `option-${this.#active}`);
  }
}

/** Several children or none: say so, list them as buttons. */
export function showAnswer(node, search, choose) {
  const isNobody = search.matches.length === 0;
  const listed = isNobody ? search.nearest : search.matches;
  const shared = sharedNames(listed);
  const hidden = search.total - search.matches.length;
  put(
    node,
    el("p", { class: "lead", role: "status" }, isNobody ? t("nobody") : t("several", search.total)),
    isNobody && listed.length ? el("p", {}, t("nearest")) : null,
    el("ul", { class: "candidates" }, listed.map((match) =>
      el("li", {}, el("button", { type: "button", onclick: () => choose(match) },
        ...describePatient(match, shared.has(match.patient_name)))))),
    hidden > 0 ? el("p", { class: "quiet" }, t("more", hidden)) : null,
  );
}

/** Name first, then what tells namesakes apart. */
export function describePatient(match, isShared) {
  const newest = match.studies[0];
  const film = newest ? `${t("lastFilm")} ${newest.study_date ?? t("unknown")}` : t("noFilms");
  return [
    el("span", { class: "name" }, match.patient_name),
    match.patient_name_romanised ? el("span", { class: "roman" }, match.patient_name_romanised) : null,
    isShared ? el("span", { class: "tag" }, t("sameName")) : null,
    el("span", { class: "facts" }, el("b", {}, `${t("born")} ${match.patient_birth_date ?? t("unknown")}`),
      ` · ${sexOf(match)} · ${film}`),
  ];
}

/** The sex in words. */
export const sexOf = (match) => (match.patient_sex ? t(`sex_${match.patient_sex}`) : t("unknown"));

/** The age at a film as a doctor says it: days in the first month, weeks to three, months to two years. */
export function ageOf(study, born) {
  const { age_months: months } = study;
  if (months === null || months === undefined) return "";
  if (months < 1) return t("days", daysLived(study, born));
  if (months < 3) return t("weeks", Math.floor(daysLived(study, born) / 7));
  return months < 24 ? t("months", Math.floor(months)) : t("years", Math.floor(months / 12));
}

/** The calendar's days where both dates are known and the age is theirs, else of months of mean length. */
function daysLived({ age_months: months, study_date: on }, born) {
  const byMonths = Math.round(months * DAYS_PER_MONTH);
  const byDates = born && on ? Math.round((Date.parse(on) - Date.parse(born)) / 86400000) : NaN;
  return Math.abs(byDates - byMonths) < LONGEST_MONTH_OFF ? byDates : byMonths;
}

/** View and age of a film, of a child who was born then. */
export function describeStudy(study, born) {
  return [study.view_position ? t(`view_${study.view_position}`) : "", ageOf(study, born)].filter(Boolean).join(" · ");
}

function sharedNames(matches) {
  const names = matches.map((match) => match.patient_name);
  return new Set(names.filter((name, i) => names.indexOf(name) !== i));
}
