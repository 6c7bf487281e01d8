// Requests. An answer that is an error becomes a Refusal with the server's problem document, so every screen shows the same
// facts: the reason code, what is wrong, and what to do.

const BASE = "/api/v1";
const TIMEOUT = 20_000;

class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.problem = problem;
  }
}

export async function request(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined || method !== "GET") {
    headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
      signal: signal ?? AbortSignal.timeout(TIMEOUT),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    throw new Refusal(0, { reason: "Unreachable", detail: error.message });
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  return response.status === 204 ? null : response.json();
}

export async function refusal(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy in between answers with a page of its own; the status says enough.
  }
  return new Refusal(response.status, { reason: `HTTP ${response.status}`, title: response.statusText, ...problem });
}

export function segments(...parts) {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}
