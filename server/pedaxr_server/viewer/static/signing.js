// Signing and amending in the page: the film was read, by whom, and of a critical finding who was told.

import { needsLogin } from "./config.js";
import { byId, el, put } from "./dom.js";
import { isSigned } from "./report_head.js";
import { t, term } from "./words.js";

/** What a human may do with the version on screen: sign a draft, amend the newest signed one. */
export function signingButton(report, on) {
  if (isSigned(report)) return actButton("amend", on.amend);
  return report.signed_report ? null : actButton("sign", on.sign);
}

const actButton = (name, act) => el("button", { type: "button", class: "primary", "data-act": name, onclick: act }, t(name));

/**
 * Ask for a signature or an amendment.
 * @param who whose film it is, as one line
 * @param send async (what was given): refuses with an Error whose message is shown in the form
 */
export function askSignature(report, who, send) {
  const isAmendment = isSigned(report);
  const dialog = byId("signature");
  const critical = isAmendment ? [] : report.critical;
  const fields = {
    name: el("input", { id: "sign-name", type: "text", maxlength: 100, required: true, autocomplete: "name" }),
    words: el("textarea", { id: "sign-words", rows: 4, maxlength: 4000, required: isAmendment }),
    told: critical.length ? el("input", { id: "sign-told", type: "text", maxlength: 500, required: true }) : null,
    code: needsLogin ? null : el("input", { id: "sign-code", type: "text", maxlength: 100, required: true, autocomplete: "off", spellcheck: false }),
    read: el("input", { id: "sign-read", type: "checkbox", required: true }),
  };
  fields.words.placeholder = isAmendment ? "" : report.sections.Impression ?? "";
  const failure = el("p", { class: "refusal", role: "alert" });
  const form = el("form", {},
    el("h2", { id: "signature-title" }, t(isAmendment ? "amendTitle" : "signTitle")),
    el("p", { class: "who" }, who),
    critical.length ? el("p", { class: "alarm" }, t("critical", critical.map(term).join(", "))) : null,
    el("p", { class: "quiet" }, t("signNote")),
    labelled("signWords", fields.words, t(isAmendment ? "amendWords" : "signWords")),
    fields.told ? labelled("signTold", fields.told, t("signTold")) : null,
    labelled("signName", fields.name, t("signName")),
    fields.code ? labelled("signCode", fields.code, t("signCode")) : null,
    el("label", { class: "tick" }, fields.read, " ", t("signRead")),
    failure,
    el("p", { class: "actions" },
      el("button", { class: "primary" }, t(isAmendment ? "amend" : "sign")),
      el("button", { type: "button", onclick: () => dialog.close() }, t("cancel"))));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failure.textContent = "";
    try {
      await send(given(fields, isAmendment));
      dialog.close();
    } catch (error) {
      failure.textContent = error.message || t(`error_${error.code || "unknown"}`);
    }
  });
  put(dialog, form);
  dialog.showModal();
}

const labelled = (key, field, text) => el("label", { for: field.id, class: "field" }, text, field);

function given({ name, words, told, code, read }, isAmendment) {
  const signed = { name: name.value.trim(), has_read_film: read.checked, code: code?.value.trim() ?? "" };
  const text = words.value.trim();
  return isAmendment ? { ...signed, text } : { ...signed, impression: text, told: told?.value.trim() ?? "" };
}
