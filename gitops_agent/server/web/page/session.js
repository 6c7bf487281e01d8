// Who looks at the page, and what they may do.

import { signal } from "../vendor/signals.js";
import { request } from "./api.js";

/** The viewer; null before the first answer and when signed out. */
export const me = signal(null);
/** `asking`, `in` or `out`; `out` names how to sign in. */
export const session = signal({ state: "asking", mode: "token", issuer: "", refusal: null });

export async function loadSession() {
  try {
    me.value = await request("/me");
    session.value = { state: "in", mode: me.value.mode, issuer: "", refusal: null };
  } catch (refusal) {
    const out = refusal.status === 401;
    const { mode = "", issuer = "" } = refusal.problem;
    session.value = { state: out ? "out" : "unknown", mode: mode || "token", issuer, refusal: out ? null : refusal };
  }
  return session.value.state === "in";
}

/** Whether the viewer has a verb on all Applications of some namespace. */
export function may(verb) {
  return Boolean(me.value?.rights.some((each) => each.verbs.includes(verb)));
}

export async function signIn(token) {
  await request("/session", { method: "POST", body: { token } });
  return loadSession();
}

export async function signOut() {
  await request("/session", { method: "DELETE" });
  location.assign("/");
}
