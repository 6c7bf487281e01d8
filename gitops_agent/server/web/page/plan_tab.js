// What a sync would do now.

import { Commit } from "./commit.js";
import { DiffView } from "./diff_view.js";
import { html } from "./html.js";
import { Answer, CannotSee, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { to } from "./router.js";
import { objectPath, objectText } from "./tree.js";
import { number, t } from "./words.js";

const COUNTED = ["create", "update", "replace", "delete"];

export function PlanTab({ ns, name, path }) {
  const resource = useResource(`${path}/plan`);
  return html`<${Answer} resource=${resource} lines=${10}>${(plan) => html`
    <p class="plan-line">${t("plan.title")} <code title=${plan.hash}>${plan.short}</code> <${Commit} commit=${plan.commit} />
      <span class="muted">${t("plan.against")}</span> <${PlanCounts} counts=${plan.counts} /></p>
    ${plan.verdict.held && html`<div class="notice notice-held">
      <p class="notice-title">${t("plan.held")} <code class="reason">${plan.verdict.reason}</code></p>
        <p>${plan.verdict.message}</p>
      <p><a class="button button-primary" href=${to.plan(ns, name, plan.short)}>${t("application.review")}</a></p>
    </div>`}
    ${plan.verdict.window && html`<p class="notice">${plan.verdict.window}</p>`}
    <${PlanObjects} plan=${plan} path=${path} />
  `}<//>`;
}

export function PlanCounts({ counts }) {
  return html`<span
      class="plan-counts">${COUNTED.filter((each) => counts[each] > 0 || each !== "replace").map((each) => html`<span
      key=${each}
      class=${counts[each] ? `count-${each}` : "muted"}>${number(counts[each])} ${t(`plan.${each}`)}</span>`)}</span>`;
}

/** What a plan changes, what runs with it, and what it leaves out. */
export function PlanObjects({ plan, path }) {
  return html`
    ${[...plan.warnings, ...plan.rollouts].map((each) => html`<p key=${each} class="notice">${each}</p>`)}
    <${CannotSee} kinds=${plan.cannotSee} />
    ${plan.objects.length === 0
      ? html`<${Empty} title=${t("plan.none", { count: plan.counts.unchanged, commit: plan.commit.short.slice(0, 7) })} />`
      : html`<${DiffView} objects=${plan.objects}
          source=${(object) => `${path}/plan?object=${encodeURIComponent(objectPath(object))}`} />`}
    ${plan.hooks.length > 0 && html`<h2>${t("plan.hooks")}</h2>
      <ul class="plain">${plan.hooks.map((each) => html`<li key=${objectText(each.object)}>${objectText(each.object)} <span
          class="muted">${each.moment}</span>
      </li>`)}</ul>`}
    ${plan.leftOut.length > 0 && html`<details><summary>${t("plan.leftOut", { count: plan.leftOut.length })}</summary>
      <ul class="plain">${plan.leftOut.map((each) => html`<li key=${objectText(each.object)}>
      ${objectText(each.object)} <code class="reason">${each.reason}</code> <span class="muted">${each.message}</span>
        </li>`)}</ul></details>`}
  `;
}
