// A film dropped onto the page, or chosen from the disk: read once, stored nowhere.

import { el } from "./dom.js";
import { t } from "./words.js";

/** The field of the start page; `take` is called with one File. */
export function dropZone(take) {
  const input = el("input", { id: "film-file", type: "file", accept: ".dcm,.png,.jpg,.jpeg,application/dicom,image/png,image/jpeg" });
  input.addEventListener("change", () => input.files.length && take(input.files[0]));
  return el("section", { class: "drop" },
    el("label", { for: "film-file" }, t("dropFilm")), input,
    el("p", { class: "quiet" }, t("dropNote")));
}

/** Anywhere on the page a film may fall; what else is dropped is left to the browser. */
export function listenToDrops(take) {
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("drops");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("drops"));
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("drops");
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}

/** What the server answers: {outlines, report, bitmap}. */
export async function readFile(server, file) {
  const { outlines, report, picture } = await server.upload("workplace/film", file);
  const bytes = Uint8Array.from(atob(picture), (char) => char.charCodeAt(0));
  return { outlines, report, bitmap: await createImageBitmap(new Blob([bytes], { type: "image/png" })) };
}
