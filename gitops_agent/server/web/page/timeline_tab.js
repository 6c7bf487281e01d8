// What happened: commits that changed this Application, each with its result, how long it took, and who caused it.

import { useSignal } from "../vendor/signals.js";
import { useEffect } from "../vendor/hooks.js";
import { request } from "./api.js";
import { Ago, clockTime, span } from "./clock.js";
import { Commit, Outside, shortHash } from "./commit.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { personName, Prose } from "./prose.js";
import { Answer, Empty, RefusalView } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { to } from "./router.js";
import { State, stateOfResult } from "./states.js";
import { language } from "./settings.js";
import { number, t } from "./words.js";

export function TimelineTab({ ns, name, path, shared = false }) {
  const first = useResource(`${path}/timeline`);
  // The commits of the repository come behind it: on a laptop they are fetched first.
  const whole = useResource(shared ? "" : `${path}/timeline?commits=true`);
  const resource = whole.data ? whole : first;
  return html`<${Answer} resource=${resource}>${(data) => html`
    <${Delivery} delivery=${data.delivery} />
    ${data.problem && html`<div class="notice notice-held">${data.problem}</div>`}
    ${whole.refusal && html`<${RefusalView} refusal=${whole.refusal} />`}
    ${data.entries.length === 0 && html`<${Empty} title=${t("timeline.none", { name })} />`}
    <${Entries} ns=${ns} name=${name} path=${path} first=${data} links=${!shared} />
  `}<//>`;
}

const percent = (rate) => (rate === null ? "–" : new Intl.NumberFormat(language.value, { style: "percent", maximumFractionDigits: 0 }).format(rate));
const half = (seconds) => (seconds === null ? "–" : span(seconds));

// The five figures of delivery; each commit below shows what it adds to them.
function Delivery({ delivery }) {
  if (!delivery.deployments) {
    return null;
  }
  const figures = [
    ["deployments", number(delivery.deployments)],
    ["lead", half(delivery.leadTimeSeconds)],
    ["fails", percent(delivery.changeFailRate)],
    ["recovery", half(delivery.recoverySeconds)],
    ["rework", percent(delivery.reworkRate)],
  ];
  return html`<section class="delivery" aria-label=${t("delivery.title", { days: delivery.days })}><dl>
    ${figures.map(([key, value]) => html`<div key=${key} title=${t(`delivery.${key}.means`)}><dt>${t(`delivery.${key}`)}</dt><dd>${value}</dd></div>`)}
    </dl><span class="muted">${t("delivery.title", { days: delivery.days })}</span>
  </section>`;
}

function Entries({ ns, name, path, first, links }) {
  const older = useSignal({ entries: [], before: first.before, refusal: null });
  useEffect(() => {
    older.value = { entries: [], before: first.before, refusal: null };
  }, [first]);
  const load = async () => {
    try {
      const page = await request(`${path}/timeline?commits=true&before=${encodeURIComponent(older.value.before)}`);
      older.value = { entries: [...older.value.entries, ...page.entries], before: page.before, refusal: null };
    } catch (refusal) {
      older.value = { ...older.value, refusal };
    }
  };
  const entries = [...first.entries, ...older.value.entries];
  return html`
    <ol class="timeline">
      ${entries.map((entry, index) => html`<${Entry} key=${entry.kind + entry.at + entry.commit.short + entry.rollout} ns=${ns}
          name=${name} entry=${entry}
          links=${links} before=${links && entries.slice(index + 1).find((each) => DIFFERS.has(each.kind) && each.commit.short !== entry.commit.short)} />`)}
    </ol>
    ${older.value.refusal && html`<${RefusalView} refusal=${older.value.refusal} />`}
    <p class="muted">
      ${first.skipped > 0 && t("timeline.skipped", { count: first.skipped })}
      ${older.value.before && html` <button type="button" class="button" onClick=${load}>${t("timeline.older")}</button>`}
    </p>
  `;
}

const DIFFERS = new Set(["sync", "commit"]);

function Entry({ ns, name, entry, before, links }) {
  const state = stateOfResult(entry);
  const change = DIFFERS.has(entry.kind) && before;
  return html`<li class="entry">
    <div class="entry-time"><time datetime=${entry.at} title=${entry.at}>${clockTime(entry.at)}</time><span class="muted">
      <${Ago} at=${entry.at} bare /></span></div>
    <div class="entry-mark">
      <${State} state=${state} text=${html`<span class="sr-only">${t(`timeline.${entry.kind}`)}</span>`} /></div>
    <div class="entry-body">
      <div class="entry-line">
        ${entry.rollback && html`<span class="badge"><${Icon} name="rollback" /> ${t("timeline.rollback")}</span> `}
        ${entry.kind === "rollout" && html`${links ? html`<a
            href=${to.rollout(...entry.rollout.split("/"))}>${rolloutWord(entry)}</a>` : rolloutWord(entry)} <code>${entry.version}</code> `}
        <${Commit} commit=${entry.commit} />
      </div>
      <div class="entry-line">
        <${State} state=${state} text=${resultWord(entry)} quiet=${entry.kind === "commit"} />
        ${entry.message && html`<span class="entry-message"><${Prose} text=${entry.message} /></span>`}
      </div>
    </div>
    <div class="entry-facts">
      ${entry.leadTimeSeconds !== null && html`<span
          title=${t("timeline.leadTitle")}>${t("timeline.lead", { span: span(entry.leadTimeSeconds) })}</span>`}
      ${entry.outcome && entry.outcome !== "succeeded" && html`<b class="count-delete">${t(`timeline.outcome.${entry.outcome}`)}${entry.failure && ` · ${entry.failure}`}</b>`}
      ${entry.recoverySeconds !== null && html`<span>${t("timeline.recovered", { span: span(entry.recoverySeconds) })}</span>`}
      ${entry.rework && html`<span class="badge">${t("timeline.rework")}</span>`}
      ${entry.duration && html`<span>${t("timeline.took", { span: lengthOf(entry.duration) })}</span>`}
      ${entry.actor && entry.actor !== entry.commit.author && html`<span>${t("timeline.actor", { actor: personName(entry.actor) })}</span>`}
      ${entry.approved && html`<span>${t("timeline.approved", { by: personName(entry.approver || "?") })}</span>`}
      ${entry.plan && html`<code title=${entry.plan}>${links ? html`<a
          href=${to.diff(ns, name, `plan:${entry.plan.slice(0, 12)}`, "live")}>${planWord(entry)}</a>` : planWord(entry)}</code>`}
      ${change && html`<a href=${to.diff(ns, name, `rev:${before.commit.short}`, `rev:${entry.commit.short}`)}
          title=${`${shortHash(before.commit.short)}..${shortHash(entry.commit.short)}`}>${t("headline.diff")}</a>`}
      ${entry.compare && html`<${Outside} address=${entry.compare}>${t("headline.code")}<//>`}
    </div>
  </li>`;
}

const SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1 };

/** A length such as `1m12s`, in the words of the page. */
function lengthOf(text) {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([dhms])/g)];
  return parts.length > 0 ? span(parts.reduce((sum, [, count, unit]) => sum + Number(count) * SECONDS[unit], 0)) : text;
}

function rolloutWord({ rollout }) {
  return t("timeline.rolloutOf", { name: rollout });
}

function planWord({ plan }) {
  return t("timeline.plan", { plan: plan.slice(0, 8) });
}

function resultWord(entry) {
  if (entry.kind === "commit") {
    return entry.appliedWith ? t("timeline.appliedWith", { commit: shortHash(entry.appliedWith) }) : t("timeline.commit");
  }
  return { seen: t("timeline.notApplied"), rejected: t("timeline.rejectedWord") }[entry.kind] ?? (entry.result || t(`timeline.${entry.kind}`));
}
