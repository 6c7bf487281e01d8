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
import { t } from "./words.js";

export function TimelineTab({ ns, name, path, application }) {
  const resource = useResource(`${path}/timeline`);
  return html`<${Answer} resource=${resource}>${(data) => html`
    ${data.problem && html`<div class="notice notice-held">${data.problem}</div>`}
    ${data.entries.length === 0 && html`<${Empty} title=${t("timeline.none", { name })} />`}
    <${Entries} ns=${ns} name=${name} path=${path} first=${data} application=${application} />
  `}<//>`;
}

function Entries({ ns, name, path, first, application }) {
  const older = useSignal({ entries: [], before: first.before, refusal: null });
  useEffect(() => {
    older.value = { entries: [], before: first.before, refusal: null };
  }, [first]);
  const load = async () => {
    try {
      const page = await request(`${path}/timeline?before=${encodeURIComponent(older.value.before)}`);
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
        before=${entries.slice(index + 1).find((each) => each.kind === "sync" && each.commit.short !== entry.commit.short)}
            application=${application} />`)}
    </ol>
    ${older.value.refusal && html`<${RefusalView} refusal=${older.value.refusal} />`}
    <p class="muted">
      ${first.skipped > 0 && t("timeline.skipped", { count: first.skipped })}
      ${older.value.before && html` <button type="button" class="button" onClick=${load}>${t("timeline.older")}</button>`}
    </p>
  `;
}

const KINDS = { sync: "Synced", rollout: "Promoted", seen: "Seen", rejected: "Rejected" };

function Entry({ ns, name, entry, before }) {
  const state = stateOfResult(entry);
  const change = entry.kind === "sync" && before;
  return html`<li class="entry">
    <div class="entry-time"><time datetime=${entry.at} title=${entry.at}>${clockTime(entry.at)}</time><span class="muted">
      <${Ago} at=${entry.at} bare /></span></div>
    <div class="entry-mark">
      <${State} state=${state} text=${html`<span class="sr-only">${t(`timeline.${entry.kind}`)}</span>`} /></div>
    <div class="entry-body">
      <div class="entry-line">
        ${entry.rollback && html`<span class="badge"><${Icon} name="rollback" /> ${t("timeline.rollback")}</span> `}
        ${entry.kind === "rollout" && html`<a
            href=${to.rollout(...entry.rollout.split("/"))}>${t("timeline.rolloutOf", { name: entry.rollout })}</a> <code>${entry.version}</code> `}
        <${Commit} commit=${entry.commit} />
      </div>
      <div class="entry-line">
        <${State} state=${state}
            text=${entry.kind === "seen" ? t("timeline.notApplied") : entry.kind === "rejected" ? t("timeline.rejectedWord") : entry.result || KINDS[entry.kind]} />
        ${entry.message && html`<span class="entry-message"><${Prose} text=${entry.message} /></span>`}
      </div>
    </div>
    <div class="entry-facts">
      ${entry.leadTimeSeconds !== null && html`<span
          title=${t("timeline.leadTitle")}>${t("timeline.lead", { span: span(entry.leadTimeSeconds) })}</span>`}
      ${entry.duration && html`<span>${t("timeline.took", { span: entry.duration })}</span>`}
      ${entry.actor && entry.actor !== entry.commit.author && html`<span>${t("timeline.actor", { actor: personName(entry.actor) })}</span>`}
      ${entry.approved && html`<span>${t("timeline.approved", { by: personName(entry.approver || "?") })}</span>`}
      ${entry.plan && html`<code title=${entry.plan}>${t("timeline.plan", { plan: entry.plan.slice(0, 8) })}</code>`}
      ${change && html`<a href=${to.diff(ns, name, `rev:${before.commit.short}`, `rev:${entry.commit.short}`)}
          title=${`${shortHash(before.commit.short)}..${shortHash(entry.commit.short)}`}>${t("headline.diff")}</a>`}
      ${entry.compare && html`<${Outside} address=${entry.compare}>${t("headline.code")}<//>`}
    </div>
  </li>`;
}
