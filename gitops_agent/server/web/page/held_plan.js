// A plan that waits for a person: what goes, what goes along with it, why, and an approval that names exactly this plan. The
// digits are typed and never filled in: an approval by habit is none.

import { useSignal } from "../vendor/signals.js";
import { useEffect, useRef } from "../vendor/hooks.js";
import { request, segments } from "./api.js";
import { Ago } from "./clock.js";
import { Commit, Outside } from "./commit.js";
import { Block, Command } from "./copyable.js";
import { HeadLine } from "./head_line.js";
import { html } from "./html.js";
import { Keep } from "./keep.js";
import { useKeys } from "./keys.js";
import { PlanDifference } from "./plan_difference.js";
import { PlanCounts, PlanObjects } from "./plan_tab.js";
import { Answer, RefusalView } from "./refusal_view.js";
import { refresh, useResource } from "./resources.js";
import { go, route, to } from "./router.js";
import { me } from "./session.js";
import { State } from "./states.js";
import { toast } from "./toast.js";
import { objectText } from "./tree.js";
import { t } from "./words.js";

const DIGITS = 12;

export function HeldPlan() {
  const { ns, name, hash } = route.value;
  const path = `/applications${segments(ns, name)}`;
  const resource = useResource(`${path}/plan`);
  useKeys({ u: () => go(to.application(ns, name)) });
  return html`
    <header class="head"><${HeadLine} ns=${ns} name=${name} back=${to.application(ns, name)} label=${t("plan.back", { name })}>
      <${State} state="Held" text=${t("plan.title")} /> <code>${hash.slice(0, DIGITS)}</code>
    <//></header>
    <${Answer} resource=${resource} lines=${10}>${(plan) => html`<${Plan} key=${path + hash} ns=${ns} name=${name}
        hash=${hash} path=${path} now=${plan} />`}<//>
  `;
}

// A plan that was looked at stays as it was when another one takes its place: what is read is what the digits stand for.
function Plan({ ns, name, hash, path, now }) {
  const same = now.hash.startsWith(hash);
  const seen = useRef(null);
  if (same) {
    seen.current = now;
  }
  const plan = seen.current ?? now;
  const application = useResource(path);
  return html`
    ${!same && html`<div class="notice notice-held" role="alert">
      <p class="notice-title">${t("held.changed", { old: hash.slice(0, DIGITS), plan: now.short })}</p>
      <p>${now.verdict.held ? t("held.changedHeld") : t("held.changedFree")}</p>
      ${seen.current && html`<${PlanDifference} before=${seen.current} after=${now} />`}
      <p>
        <a class="button"
            href=${now.verdict.held ? to.plan(ns, name, now.short) : to.application(ns, name, "plan")}>${t("held.show")}</a>
        </p>
    </div>`}
    ${plan.verdict.held
      ? html`<p class="headline headline-held">${plan.verdict.message} <code class="reason">${plan.verdict.reason}</code></p>`
      : html`<p class="headline">${t("held.free")}</p>`}
    <p class="plan-line"><${Commit} commit=${plan.commit} /> <${PlanCounts} counts=${plan.counts} />
      ${plan.heldSince && html`<span class="muted">${t("held.since")} <${Ago} at=${plan.heldSince} bare /></span>`}</p>
    <${Blast} blast=${plan.blast} />
    ${plan.verdict.held && html`<${Approval} ns=${ns} name=${name} path=${path} plan=${plan} same=${same}
        action=${application.data?.actions.find(({ verb }) => verb === "approve")} />`}
    <${Keep} keep=${plan.keep} command=${same ? plan.command : ""} />
    <h2>${t("held.all")}</h2>
    <${PlanObjects} plan=${plan} path=${path} />
  `;
}

function Blast({ blast }) {
  return blast.removals.length > 0 && html`<section class="blast" aria-label=${t("held.goes")}>
    <h2>${t("held.goes")} <span
        class="muted">${t("held.total", { total: blast.total, budget: blast.budget, live: blast.live })}</span>
      </h2>
    <ul class="blast-list">${blast.removals.map((removal) => html`<li key=${objectText(removal.object)} class="removal">
      <div class="removal-head"><span class="sign" aria-hidden="true">${removal.action === "delete" ? "−" : "±"}</span>
        <span class="sr-only">${t(`diff.action.${removal.action}`)}</span>
        <span
            class="object-kind">${removal.object.kind}</span> <strong>${removal.object.namespace ? `${removal.object.namespace}/` : ""}${removal.object.name}</strong>
          </div>
      <div class="removal-facts">
        ${removal.dependants > 0 && html`<details><summary>
          <b
              class="count-delete">${t("held.along", { count: removal.dependants })}</b>${removal.declaredElsewhere > 0 && ` ${t("held.elsewhere", { count: removal.declaredElsewhere })}`}</summary>
          <ul class="plain samples">${removal.samples.map((each) => html`<li key=${each}><code>${each}</code>
            </li>`)}${removal.dependants > removal.samples.length && html`<li
                class="muted">${t("held.more", { count: removal.dependants - removal.samples.length })}</li>`}</ul>
            </details>`}
        ${removal.notes.map((each) => html`<span key=${each}>${each}</span>`)}
        ${removal.cannotSee.map((each) => html`<${State} key=${each} state="Unknown"
            text=${t("held.cannotSee", { kind: each })} />`)}
      </div>
    </li>`)}</ul>
    ${blast.later > 0 && html`<p class="muted">${t("held.later", { count: blast.later })}</p>`}
  </section>`;
}

function Approval({ ns, name, path, plan, same, action }) {
  const typed = useSignal("");
  const busy = useSignal(false);
  const refusal = useSignal(null);
  const input = useRef(null);
  const ready = same && plan.current && typed.value.trim().toLowerCase() === plan.short;
  useKeys({ a: () => input.current?.focus() });
  // Digits that were typed for another plan do not count for this one.
  useEffect(() => {
    typed.value = "";
  }, [plan.hash]);
  if (action && !action.allowed) {
    return html`<section class="approval">
      <h2>${t("held.notYou", { user: me.value?.user ?? "" })}</h2><p>${action.why}</p>
      ${plan.approvers.length > 0 && html`<p>${t("held.approvers")} <b>${plan.approvers.join(", ")}</b></p>`}
      ${action.rule && html`<${Block} text=${action.rule} name=${t("action.rule")} />`}
      <p class="muted">${t("action.same")}</p><${Command} text=${plan.command} />
    </section>`;
  }
  const approve = async (event) => {
    event.preventDefault();
    if (!ready) {
      return;
    }
    busy.value = true;
    try {
      const answer = await request(`${path}/actions/approve`, { method: "POST", body: { plan: plan.hash } });
      toast(answer.message || t("action.accepted", { verb: t("verb.approve") }));
      refresh();
      go(to.application(ns, name));
    } catch (problem) {
      refusal.value = problem;
    }
    busy.value = false;
  };
  return html`<form class="approval" onSubmit=${approve}>
    <label for="digits">${t("held.type", { count: DIGITS, user: me.value?.user ?? "" })}</label>
    <div class="approval-line">
      <input id="digits" ref=${input} class="digits" value=${typed.value} maxlength=${DIGITS} autocomplete="off"
          autocapitalize="none" spellcheck=${false} placeholder=${"·".repeat(DIGITS)}
          onInput=${(event) => (typed.value = event.currentTarget.value)} />
      <button type="submit" class="button button-danger" disabled=${!ready || busy.value}>${t("verb.approve")}</button>
    </div>
    <p class="muted">${t("held.exactly")}</p>
    ${refusal.value && html`<${RefusalView} refusal=${refusal.value} />`}
    ${plan.command && html`<p class="muted">${t("action.same")}</p><${Command} text=${plan.command} />`}
    ${plan.commit.link && html`<p><${Outside} address=${plan.commit.link}>${t("held.commit")}<//></p>`}
  </form>`;
}
