// One rollout: the weight asked for and in force, the steps, what is measured, and what was tried before.

import { segments } from "./api.js";
import { ActionButton, ActionDialog } from "./actions.js";
import { Sparkline, WeightChart } from "./charts.js";
import { Ago, Until, clockTime } from "./clock.js";
import { Commit } from "./commit.js";
import { Block, Command } from "./copyable.js";
import { HeadLine } from "./head_line.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { useKeys } from "./keys.js";
import { Prose } from "./prose.js";
import { Answer } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { Pods, Routes } from "./rollout_pods.js";
import { Weight } from "./rollouts.js";
import { go, route, to } from "./router.js";
import { State, shapeOf, stateOfRollout } from "./states.js";
import { t } from "./words.js";

const IDLE = /^(Idle|Promoted|Healthy|Stable|)$/;

export function Rollout() {
  const { ns, name } = route.value;
  const path = `/rollouts${segments(ns, name)}`;
  const resource = useResource(path);
  useKeys({ u: () => go("/r") });
  return html`${resource.data === null && html`<${HeadLine} ns=${ns} name=${name} back="/r" label=${t("rollout.back")} />`}
    <${Answer} resource=${resource} lines=${10}>${(data) => html`<${RolloutView} data=${data} path=${path} />`}<//>`;
}

/** A rollout with its actions, if there are any; `back` is where it was reached from. */
export function RolloutView({ data, path, back = "" }) {
  const { row } = data;
  const active = !IDLE.test(row.phase);
  const useful = data.actions.filter((action) => active || action.verb === "retry");
  return html`
    <header class="head">
      <${HeadLine} ns=${row.namespace} name=${row.name} label=${t("rollout.back")}
          back=${back ? back : row.application ? to.application(row.application.namespace, row.application.name, "rollouts") : "/r"}>
        <${State} state=${stateOfRollout(row.outlook)} text=${row.outlook} />
        <span class="muted">${row.strategy}</span>
        <span class="grow"></span>
        <div class="actions">${useful.filter(({ verb }) => verb !== "approve").map((action) => html`<${ActionButton}
            key=${action.verb} action=${action} path=${path} body=${{ resourceVersion: data.resourceVersion }} />`)}</div>
      <//>
      <p class=${`headline headline-${shapeOf(stateOfRollout(row.outlook))}`}><${Prose} text=${row.message} /></p>
      <dl class="facts">
        <div><dt>${t("rollout.versions")}</dt>
          <dd>${data.stable && html`<code>${data.stable.hash}</code> <${Commit} commit=${data.stable.commit} />`}
          ${data.target && html` <span class="muted">→</span> <code>${data.target.hash}</code> <${Commit}
              commit=${data.target.commit} />`}</dd>
            </div>
        ${active && html`<div><dt>${t("rollouts.weight")}</dt><dd>
          <${Weight} weight=${row.weight} /> <span
              class="muted">${t(row.weight.verified ? "rollout.force" : "rollout.notInForce")}</span>
          </dd></div>`}
        ${(data.until || data.waitsFor.length > 0) && html`<div><dt>${t("rollout.until")}</dt>
          <dd><${Waits} until=${data.until} texts=${data.waitsFor} /></dd>
          </div>`}
        ${(data.pods.length > 0 || data.cannotSee.length > 0) && html`<${Pods} pods=${data.pods} cannotSee=${data.cannotSee} />`}
        ${data.traffic && html`<${Routes} traffic=${data.traffic} weight=${row.weight} active=${active} />`}
        ${row.workload && html`<div><dt>${t("rollout.workload")}</dt><dd>${row.workload}</dd></div>`}
      </dl>
    </header>
    <${Approval} data=${data} path=${path} />
    ${data.steps.length > 0 && html`<section class="columns columns-steps">
      <div><h2>${t("rollout.weightOverSteps")}</h2>
        <${WeightChart} steps=${data.steps} weight=${row.weight} />
        <p class="legend"><svg class="legend-mark" aria-hidden="true" viewBox="0 0 12 12">
          <circle class="ladder-force" cx="6" cy="6" r="4.5" />
          </svg>${t("rollout.markInForce")} <svg class="legend-mark" aria-hidden="true" viewBox="0 0 12 12">
          <circle class="ladder-force ladder-unverified" cx="6" cy="6" r="4.5" /></svg>${t("rollout.markNot")}</p></div>
      <div><h2>${t("rollout.steps")}</h2>
        <ol class="steps">${data.steps.map((step) => html`<${Step} key=${step.number} step=${step} />`)}</ol></div>
    </section>`}
    ${data.metrics.length > 0 && html`<section><h2>${t("rollout.metrics")}</h2><${Metrics} metrics=${data.metrics} />
      </section>`}
    ${[...data.notes, ...data.held].map((each) => html`<p key=${each} class="notice">${each}</p>`)}
    <${History} title=${t("rollout.history")} runs=${data.history} />
    ${data.rejected.length > 0 && html`<${History} title=${t("rollout.rejected")} runs=${data.rejected} />`}
    <${ActionDialog} />
  `;
}

// The server writes the time that is left into a text; here it counts down instead.
const LEFT = / in \S+ \(at [^)]*\)$/;

function Waits({ until, texts }) {
  const timed = texts.some((text) => LEFT.test(text));
  const lines = texts.map((text) => html`${text.replace(LEFT, " ")}${LEFT.test(text) && html`<${Until} at=${until} />`}`);
  const all = until && !timed ? [html`<${Until} at=${until} />`, ...lines] : lines;
  return all.map((line, index) => html`${index > 0 && " · "}${line}`);
}

function Approval({ data, path }) {
  const action = data.actions.find(({ verb }) => verb === "approve");
  if (!data.row.approval || !action) {
    return null;
  }
  return html`<section class="approval">
    <h2>${t("rollout.waits")} <code>${data.row.approval}</code></h2>
    ${action.allowed
      ? html`<${ActionButton} action=${action} path=${path} body=${{ approval: data.row.approval }} primary />`
      : html`<p>${action.why}</p>${action.rule && html`<${Block} text=${action.rule} name=${t("action.rule")} />`}`}
    ${action.command && html`<p class="muted">${t("action.same")}</p><${Command} text=${action.command} />`}
  </section>`;
}

const MARKS = { done: "done", now: "now", paused: "paused", left: "left", skipped: "ahead", ahead: "ahead" };

function Step({ step }) {
  return html`<li class=${`step step-${step.is}`}
      aria-current=${step.is === "now" || step.is === "paused" ? "step" : undefined}>
    <${Icon} name=${MARKS[step.is]} /><span class="sr-only">${t(`step.${step.is}`)}</span>
    <span>${step.does}${step.note && html` <span class="muted">${step.note}</span>`}</span>
  </li>`;
}

function Metrics({ metrics }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("rollout.metrics")}><table class="table table-stack metrics">
    <thead><tr><th scope="col">${t("metric.name")}</th><th scope="col">${t("metric.now")}</th>
      <th scope="col">${t("metric.limit")}</th><th scope="col">${t("metric.last")}</th>
      <th scope="col">${t("metric.verdict")}</th></tr></thead>
    <tbody>${metrics.map((metric) => html`<tr key=${metric.name}>
      <th scope="row">${metric.name}${metric.dryRun && html` <span class="badge">${t("metric.dryRun")}</span>`}</th>
      <td class="number" data-label=${t("metric.now")}>${metric.measurements[metric.measurements.length - 1]?.value || "–"}</td>
      <td data-label=${t("metric.limit")}><code>${metric.limit}</code></td>
      <td data-label=${t("metric.last")}><${Sparkline} name=${metric.name} measurements=${metric.measurements} limit=${metric.limit} />
        <${Values} metric=${metric} /></td>
      <td data-label=${t("metric.verdict")}><${Verdict} metric=${metric} /></td>
    </tr>`)}</tbody>
  </table></div>`;
}

function Values({ metric }) {
  return metric.measurements.length > 0 && html`<details class="values"><summary>${t("metric.table")}</summary><table>
    <tbody>${metric.measurements.map((each) => html`<tr key=${each.at}>
    <td class="muted">${clockTime(each.at)}</td><td class="number">${each.value}</td><td>${each.verdict}</td>
      <td class="break">${each.message}</td>
  </tr>`)}</tbody></table></details>`;
}

function Verdict({ metric }) {
  const state = metric.failed > 0 ? "Degraded" : metric.errors + metric.inconclusive > 0 ? "Unknown" : metric.samples > 0 ? "Healthy" : "Progressing";
  const parts = ["succeeded", "failed", "inconclusive", "errors"].filter((each) => metric[each] > 0).map((each) => t(`metric.${each}`, { count: metric[each] }));
  return html`<${State} state=${state} text=${parts.join(", ") || t("metric.waiting")} quiet />${metric.message && html`<div
      class="muted">${metric.message}</div>`}`;
}

function History({ title, runs }) {
  return runs.length > 0 && html`<section><h2>${title}</h2>
    <ul class="plain runs">${runs.map((run) => html`<li key=${run.version.hash + run.at}>
    <${State} state=${run.result ? stateOfRollout(run.result) : "Degraded"}
        text=${run.result || t("timeline.rejectedWord")} /> <code>${run.version.hash}</code> <${Commit}
        commit=${run.version.commit} />
    <span class="muted"><${Ago} at=${run.at} /></span> ${run.reason && html`<span><${Prose} text=${run.reason} /></span>`}
  </li>`)}</ul></section>`;
}
