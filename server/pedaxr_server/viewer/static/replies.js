// What the server's answers mean, whichever way they came.

/** A refusal by the server: what happened and what to do next, with the kind of error where it gave one. */
export class Refusal extends Error {
  constructor(text, code = "") {
    const [, message, given] = /^([\s\S]*?)(?:\s*\[([a-z_]+)\])?\s*$/.exec(String(text));
    super(message);
    this.code = code || given || "";
  }
}

/** Structured content of a tool's result. */
export function toolData(result) {
  if (result.isError) {
    throw new Refusal(textOf(result.content) || "The tool refused.");
  }
  return result.structuredContent;
}

/** A document: parsed when it is JSON, a Blob when it is a picture. */
export function resourceBody(result) {
  const content = result.contents?.[0];
  if (!content) throw new Refusal("The document is empty.");
  if (content.blob !== undefined) return blobOf(content.blob, content.mimeType);
  return content.mimeType === "application/json" ? JSON.parse(content.text) : content.text;
}

/** The picture in a tool's result, or null. */
export function pictureIn(result) {
  const image = result.content?.find((block) => block.type === "image");
  return image ? blobOf(image.data, image.mimeType) : null;
}

/** Address of one of a study's documents. */
export function studyUri(studyId, document) {
  return `pedaxr://studies/${encodeURIComponent(studyId)}/${document}`;
}

function textOf(content) {
  return (content ?? []).filter((block) => block.type === "text").map((block) => block.text).join(" ");
}

function blobOf(base64, type) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new Blob([bytes], { type });
}
