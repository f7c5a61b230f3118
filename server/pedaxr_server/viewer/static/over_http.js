// The server over MCP streamable HTTP (2026-07-28): every request stands alone, so there is no session to lose.

import { version } from "./config.js";
import { Refusal, resourceBody, toolData } from "./replies.js";

const PROTOCOL = "2026-07-28";
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": PROTOCOL,
  "io.modelcontextprotocol/clientInfo": { name: "pedaxr-viewer", version },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** One server; the token lives in this object and nowhere else. */
export class OverHttp {
  #url;
  #askToken;
  #token = null;
  #lastId = 0;

  /** @param askToken async, shows why a token is needed and returns what the user typed, or null. */
  constructor(url, askToken) {
    this.#url = url;
    this.#askToken = askToken;
  }

  get canRead() {
    return true;
  }

  async callTool(name, args, options = {}) {
    return toolData(await this.#request("tools/call", { name, arguments: args }, name, options));
  }

  async readResource(uri, options = {}) {
    return resourceBody(await this.#request("resources/read", { uri }, uri, options));
  }

  /** One of the page's own calls; what comes back is parsed, or a Blob where it is no JSON. */
  async call(path, body = undefined) {
    const answer = await this.#send(path, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }, {});
    if (answer.status === 401) {
      await this.#login();
      return this.call(path, body);
    }
    const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    if (!answer.ok) throw new Refusal((isJson && (await answer.json()).error?.message) || "", answer.status === 403 ? "forbidden" : "");
    return isJson ? answer.json() : answer.blob();
  }

  /** A file's bytes to one of the page's own routes; the JSON that comes back. */
  async upload(path, file) {
    const answer = await this.#send(path, { method: "POST", body: file }, { "Content-Type": "application/octet-stream" });
    if (answer.status === 401) {
      await this.#login();
      return this.upload(path, file);
    }
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(body.error?.message ?? "", answer.status === 403 ? "forbidden" : "");
    return body;
  }

  async #login() {
    this.#token = await this.#askToken(this.#token === null ? "wanted" : "refused");
    if (this.#token === null) throw new Refusal("", "no_token");
  }

  async #request(method, params, name, { signal, onProgress } = {}) {
    const id = ++this.#lastId;
    const body = { jsonrpc: "2.0", id, method, params: { ...params, _meta: { ...ENVELOPE, progressToken: id } } };
    const answer = await this.#post(JSON.stringify(body), method, name, signal);
    if (answer.status === 401) {
      await this.#login();
      return this.#request(method, params, name, { signal, onProgress });
    }
    if (answer.status === 403) throw new Refusal("", "forbidden");
    const reply = await replyIn(answer, id, onProgress);
    if (reply.error) throw new Refusal(reply.error.message ?? "");
    return reply.result;
  }

  #post(body, method, name, signal) {
    const headers = {
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": PROTOCOL,
      "Mcp-Method": method,
      "Mcp-Name": name,
    };
    return this.#send(this.#url, { method: "POST", body, signal }, headers);
  }

  async #send(url, request, headers) {
    const all = { "Content-Type": "application/json", ...headers };
    if (this.#token) all.Authorization = `Bearer ${this.#token}`;
    try {
      return await fetch(url, { ...request, headers: all, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal("", "unreachable");
    }
  }
}

/** The reply with our id, from one JSON body or a stream of events that may begin with progress. */
async function replyIn(answer, id, onProgress) {
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("application/json")) return answer.json();
  if (!type.startsWith("text/event-stream")) throw new Refusal("", "unreachable");
  for await (const message of eventsOf(answer.body)) {
    if (message.method === "notifications/progress") onProgress?.(message.params);
    else if (message.id === id) return message;
  }
  throw new Refusal("", "unreachable");
}

async function* eventsOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (waiting + value.replaceAll("\r", "")).split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => line.startsWith("data:"));
      const data = lines.map((line) => line.slice(5).trimStart()).join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}
