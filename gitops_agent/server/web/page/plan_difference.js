// What differs between the plan that a person was looking at and the one that took its place.

import { html } from "./html.js";
import { objectText } from "./tree.js";
import { t } from "./words.js";

const MOST = 50;

function byObject(plan) {
  return new Map(plan.objects.map((each) => [objectText(each.object), each]));
}

function content({ action, hunks, yaml, large, lines }) {
  return JSON.stringify([action, hunks, yaml, large, lines]);
}

/** Lines `{how, action, name}`: objects that came, went, or are changed in another way. Pure. */
function planDifference(before, after) {
  const [old, now] = [byObject(before), byObject(after)];
  const lines = [];
  for (const [name, { action }] of old) {
    if (!now.has(name)) {
      lines.push({ how: "gone", action, name });
    }
  }
  for (const [name, each] of now) {
    const was = old.get(name);
    if (!was) {
      lines.push({ how: "added", action: each.action, name });
    } else if (content(was) !== content(each)) {
      lines.push({ how: "other", action: each.action, name });
    }
  }
  return lines;
}

export function PlanDifference({ before, after }) {
  const lines = planDifference(before, after);
  if (lines.length === 0) {
    return html`<p>${t("difference.none")}</p>`;
  }
  return html`<p class="notice-title">${t("difference.title")}</p>
    <ul class="plain">${lines.slice(0, MOST).map(({ how, action, name }) => html`<li key=${name}>
      <b>${t(`difference.${how}`)}</b> ${name} <span class="muted">${t(`diff.action.${action}`)}</span></li>`)}
      ${lines.length > MOST && html`<li class="muted">${t("held.more", { count: lines.length - MOST })}</li>`}</ul>`;
}
