// The server through a chat host (MCP Apps, 2026-01-26): JSON-RPC over postMessage with the frame around us.

import { version } from "./config.js";
import { Refusal, resourceBody, toolData } from "./replies.js";

const APPS_PROTOCOL = "2026-01-26";

/** The host around this document. */
export class OverHost {
  #lastId = 0;
  #waiting = new Map();
  #listeners;
  #abilities = {};

  /** @param listeners {toolInput, toolResult, toolCancelled, context}: called with what the host tells. */
  constructor(listeners) {
    this.#listeners = listeners;
    window.addEventListener("message", (event) => {
      // An opaque origin can't be named, but only the frame around us may speak.
      if (event.source === window.parent && event.data?.jsonrpc === "2.0") this.#receive(event.data);
    });
  }

  /** Introduce ourselves; the host sends the tool's input and result from then on. */
  async connect() {
    const hello = await this.#request("ui/initialize", {
      protocolVersion: APPS_PROTOCOL,
      appInfo: { name: "pedaxr-viewer", version },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    this.#abilities = hello.hostCapabilities ?? {};
    this.#listeners.context(hello.hostContext ?? {});
    this.#notify("ui/notifications/initialized", {});
  }

  get canRead() {
    return Boolean(this.#abilities.serverResources && this.#abilities.serverTools);
  }

  async callTool(name, args, { signal } = {}) {
    return toolData(await this.#request("tools/call", { name, arguments: args }, signal));
  }

  async readResource(uri, { signal } = {}) {
    return resourceBody(await this.#request("resources/read", { uri }, signal));
  }

  /** Ask for the whole window; the host says what it gave. */
  async requestFullscreen(mode) {
    return (await this.#request("ui/request-display-mode", { mode })).mode;
  }

  tellSize(width, height) {
    this.#notify("ui/notifications/size-changed", { width, height });
  }

  #request(method, params, signal) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => {
        if (!this.#waiting.delete(id)) return;
        this.#notify("notifications/cancelled", { requestId: id });
        reject(new DOMException("cancelled", "AbortError"));
      });
      this.#send({ jsonrpc: "2.0", id, method, params });
    });
  }

  #notify(method, params) {
    this.#send({ jsonrpc: "2.0", method, params });
  }

  #send(message) {
    window.parent.postMessage(message, "*");
  }

  #receive(message) {
    if (message.method === undefined) this.#settle(message);
    else if (message.id !== undefined) this.#answer(message);
    else this.#hear(message.method, message.params ?? {});
  }

  #settle({ id, result, error }) {
    const call = this.#waiting.get(id);
    if (!call) return;
    this.#waiting.delete(id);
    if (error) call.reject(new Refusal(error.message ?? ""));
    else call.resolve(result);
  }

  #answer({ id, method }) {
    const known = method === "ping" || method === "ui/resource-teardown";
    const unknown = { error: { code: -32601, message: "Method not found" } };
    this.#send({ jsonrpc: "2.0", id, ...(known ? { result: {} } : unknown) });
  }

  #hear(method, params) {
    if (method === "ui/notifications/tool-input") this.#listeners.toolInput(params.arguments ?? {});
    else if (method === "ui/notifications/tool-result") this.#listeners.toolResult(params);
    else if (method === "ui/notifications/tool-cancelled") this.#listeners.toolCancelled();
    else if (method === "ui/notifications/host-context-changed") this.#listeners.context(params);
  }
}
