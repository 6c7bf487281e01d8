// States are shape, word and colour together, so none of them is needed alone. The shapes are in the sprite.

import { html } from "./html.js";
import { Icon } from "./icon.js";
import { t } from "./words.js";

/** The states of an Application, the worst first. */
export const STATES = ["Degraded", "Held", "Missing", "Unknown", "Progressing", "Paused", "Healthy"];

/** Those in which a person is needed. */
export const URGENT = ["Degraded", "Held", "Missing", "Unknown"];

const SHAPES = {
  Past: "ahead",
  Degraded: "degraded",
  Held: "held",
  Missing: "missing",
  Unknown: "unknown",
  Progressing: "progressing",
  Paused: "paused",
  Suspended: "paused",
  Terminating: "progressing",
  Healthy: "healthy",
};

const PHASES = {
  RolledBack: "Degraded",
  RolloutRefused: "Degraded",
  AwaitingApproval: "Held",
  RolloutPaused: "Held",
  NotReconciled: "Unknown",
  WaitingFor: "Progressing",
  RollingOut: "Progressing",
  Stable: "Healthy",
  Promoted: "Healthy",
  Superseded: "Paused",
};

export function shapeOf(state) {
  return SHAPES[state] ?? "unknown";
}

/** The state that a rollout's outlook or result stands for. */
export function stateOfRollout(outlook) {
  return PHASES[outlook] ?? "Progressing";
}

/** The state of a sync, by its result: a code of the table of reasons. */
export function stateOfResult(entry) {
  if (entry.kind === "commit") {
    return "Past";
  }
  if (entry.kind === "seen") {
    return "Progressing";
  }
  if (entry.kind === "rejected" || entry.result === "RolledBack") {
    return "Degraded";
  }
  return /^(Synced|SyncSucceeded|Succeeded|Healthy|Promoted|Reconciled|Applied|DriftCorrected|Pruned|Ready)/.test(entry.result)
    ? "Healthy"
    : /Held/.test(entry.result)
      ? "Held"
      : /^(Progressing|Superseded|Interrupted|WaitingFor)/.test(entry.result)
        ? "Paused"
        : "Degraded";
}

export function word(state) {
  return t(`state.${SHAPES[state] ? state : "Unknown"}`);
}

/** Shape, word and colour. */
export function State({ state, text, quiet = false }) {
  const shape = shapeOf(state);
  return html`<span class=${`state state-${shape}${quiet ? " state-quiet" : ""}`}>
    <${Icon} name=${shape} /><span class="state-word">${text ?? word(state)}</span>
  </span>`;
}
