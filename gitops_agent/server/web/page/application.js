// One Application: a headline that says why, since when and what comes next; then tabs, each with an address.

import { useSignal } from "../vendor/signals.js";
import { useLayoutEffect, useRef } from "../vendor/hooks.js";
import { segments } from "./api.js";
import { act, ActionButton, ActionDialog } from "./actions.js";
import { allRows, keyOf } from "./applications.js";
import { Ago, Until } from "./clock.js";
import { Commit, Outside, shortHash } from "./commit.js";
import { Command } from "./copyable.js";
import { Dependencies } from "./dependencies.js";
import { DiffTab } from "./diff_tab.js";
import { DriftTab } from "./drift.js";
import { EventsTab } from "./events_tab.js";
import { HeadLine } from "./head_line.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { useKeys } from "./keys.js";
import { LogsTab } from "./logs_tab.js";
import { ObjectsTab } from "./objects_tab.js";
import { PlanTab } from "./plan_tab.js";
import { Prose } from "./prose.js";
import { RefusalView, Waiting } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { RolloutsTab } from "./rollouts.js";
import { go, route, to } from "./router.js";
import { ShareDialog } from "./share.js";
import { SpecTab } from "./spec_tab.js";
import { State } from "./states.js";
import { TimelineTab } from "./timeline_tab.js";
import { number, t } from "./words.js";

const TABS = {
  timeline: TimelineTab,
  objects: ObjectsTab,
  plan: PlanTab,
  drift: DriftTab,
  rollouts: RolloutsTab,
  events: EventsTab,
  logs: LogsTab,
  diff: DiffTab,
  spec: SpecTab,
};

// The diff between two commits is reached from a commit, and has a tab only while it is open.
const ALWAYS = Object.keys(TABS).filter((tab) => tab !== "diff");

export function Application() {
  const { ns, name, tab: named } = route.value;
  const path = `/applications${segments(ns, name)}`;
  const resource = useResource(path);
  const row = allRows().get(keyOf(ns, name));
  const tab = TABS[named || "timeline"] ? named || "timeline" : "timeline";
  const data = resource.data;
  const shown = ALWAYS.includes(tab) ? ALWAYS : [...ALWAYS, tab];
  const step = (by) => go(address(ns, name, shown[(shown.indexOf(tab) + by + shown.length) % shown.length]));
  useKeys({
    "[": () => step(-1),
    "]": () => step(1),
    d: () => go(to.application(ns, name, "plan")),
    a: () => data?.held && go(to.plan(ns, name, data.held.slice(0, 12))),
    u: () => go("/"),
  });
  const strip = useRef(null);
  // A phone shows a part of the tabs: the chosen one is in it.
  useLayoutEffect(() => {
    const chosen = strip.current?.querySelector("[aria-selected=true]");
    if (chosen) {
      strip.current.scrollLeft = chosen.offsetLeft - strip.current.offsetLeft - strip.current.clientWidth / 3;
    }
  }, [tab, data === null]);
  if (data === null && resource.refusal) {
    return html`<${HeadLine} ns=${ns} name=${name} back="/" label=${t("application.back")} />
      <${RefusalView} refusal=${resource.refusal} retry=${resource.again} />`;
  }
  const Tab = TABS[tab];
  return html`
    <${Head} ns=${ns} name=${name} row=${row} data=${data} path=${path} />
    ${resource.refusal && html`<${RefusalView} refusal=${resource.refusal} retry=${resource.again} />`}
    <nav ref=${strip} class="tabs" role="tablist" aria-label=${t("application.tabs")}>
      ${shown.map((each) => html`<a key=${each} id=${`tab-${each}`} role="tab" href=${address(ns, name, each)}
          aria-selected=${each === tab} aria-controls="tab-panel">
        ${t(`tab.${each}`)}<${Count} tab=${each} data=${data} />
      </a>`)}
    </nav>
    <section id="tab-panel" role="tabpanel" aria-labelledby=${`tab-${tab}`} class="panel">
      ${data ? html`<${Tab} key=${path + tab} ns=${ns} name=${name} path=${path} application=${data} />` : html`<${Waiting} />`}
    </section>
    <${ActionDialog} />
  `;
}

function address(ns, name, tab) {
  return to.application(ns, name, tab === "timeline" ? "" : tab);
}

function Count({ tab, data }) {
  const count = { objects: data?.counts[0], drift: data?.counts[1], rollouts: data?.rollouts.length }[tab];
  return count > 0 && html` <span class="count">${number(count)}</span>`;
}

function Head({ ns, name, row, data, path }) {
  const state = data?.headline.state ?? row?.state ?? "Unknown";
  const since = data?.headline.since || row?.changedAt;
  return html`<header class="head">
    <${HeadLine} ns=${ns} name=${name} back="/" label=${t("application.back")}>
      <${State} state=${state} />
      ${since && html`<span class="muted">${t("application.for")} <${Ago} at=${since} bare /></span>`}
      <span class="grow"></span>
      ${data && html`<${Actions} data=${data} path=${path} />`}
    <//>
    ${data ? html`<${Headline} ns=${ns} name=${name} data=${data} />` : row && html`<p class="headline">${row.message}</p>`}
  </header>`;
}

const FIRST = ["sync", "pause", "resume", "approve"];

function Actions({ data, path }) {
  const sharing = useSignal(false);
  const body = { resourceVersion: data.resourceVersion };
  const paused = data.paused !== null;
  const useful = data.actions.filter(({ verb }) => verb !== (paused ? "pause" : "resume") && !(verb === "approve" && !data.held));
  const share = useful.find(({ verb, allowed }) => verb === "share" && allowed);
  const first = useful.filter(({ verb }) => FIRST.includes(verb));
  const rest = useful.filter((action) => !FIRST.includes(action.verb) && action !== share);
  const approve = () => go(to.plan(data.namespace, data.name, data.held.slice(0, 12)));
  return html`<div class="actions">
    ${first.map((action) => action.verb === "approve"
      ? html`<button key="approve" type="button" class="button button-primary"
          onClick=${approve}>${t("application.review")}</button>`
      : html`<${ActionButton} key=${action.verb} action=${action} path=${path} body=${body} />`)}
    ${share && html`<button type="button" class="button"
        onClick=${() => (sharing.value = true)}>${t("share.button")}</button>`}
    ${sharing.value && html`<${ShareDialog} what=${{ application: { namespace: data.namespace, name: data.name } }}
        close=${() => (sharing.value = false)} />`}
    ${rest.length > 0 && html`<details class="menu">
      <summary class="button" aria-label=${t("application.more")}><${Icon} name="menu" /></summary>
      <div class="menu-items">${rest.map((action) => html`<button key=${action.verb} type="button" class="menu-item"
          aria-disabled=${action.allowed ? undefined : "true"}
        title=${action.allowed ? action.command : action.why} onClick=${(event) => {
          event.currentTarget.closest("details").open = false;
          act(action, path, body);
        }}>${t(`verb.${action.verb}`)}</button>`)}</div>
    </details>`}
  </div>`;
}

/** Why it is as it is; without `links` nothing leads to another screen. */
export function Headline({ ns, name, data, links = true }) {
  const { headline } = data;
  const well = headline.state === "Healthy";
  return html`
    <p class=${`headline headline-${headline.state.toLowerCase()}`}>
      <${Prose} text=${headline.message} /> <code class="reason" title=${headline.meaning}>${headline.reason}</code>
    </p>
    <dl class="facts">
      ${headline.commit.short && html`<div><dt>${t(well ? "headline.at" : "headline.since")}</dt><dd>
        <${Commit} commit=${headline.commit} />
        ${headline.commit.committedAt && html` <span class="muted">· <${Ago} at=${headline.commit.committedAt} /></span>`}
        ${!well && headline.healthyCommit.short && headline.healthyCommit.short !== headline.commit.short && html` <span
            class="muted">· ${t("headline.healthyAt")} <code>${shortHash(headline.healthyCommit.short)}</code>
          </span>
          ${links && html`<a class="chip-link"
              href=${to.diff(ns, name, `rev:${headline.healthyCommit.short}`, `rev:${headline.commit.short}`)}>${t("headline.diff")} ${shortHash(headline.healthyCommit.short)}..${shortHash(headline.commit.short)}</a>`}`}
        ${headline.compare && html` <span class="chip-link"><${Outside} address=${headline.compare}>${t("headline.code")}<//>
          </span>`}
      </dd></div>`}
      ${!well && (headline.remedy || headline.next.length > 0) && html`<div><dt>${t("headline.next")}</dt><dd>
        ${headline.remedy && html`<p><${Prose} text=${headline.remedy} /></p>`}
        ${headline.next.map((each) => html`<${Command} key=${each} text=${each} />`)}
      </dd></div>`}
      ${data.paused && html`<div><dt>${t("headline.paused")}</dt>
        <dd>${data.paused.reason} ${data.paused.until && html`<span class="muted">· ${t("headline.until")} <${Until}
            at=${data.paused.until} />
        </span>`}</dd></div>`}
      ${data.window && html`<div><dt>${t("headline.window")}</dt><dd>${data.window}</dd></div>`}
      ${data.pinned && html`<div><dt>${t("headline.pinned")}</dt><dd>${data.pinned}</dd></div>`}
      ${data.source.unavailableSince && html`<div><dt>${t("headline.unavailable")}</dt><dd>
        <${Ago} at=${data.source.unavailableSince} bare />: ${data.source.message}</dd></div>`}
      ${data.warnings.length > 0 && html`<div><dt>${t("headline.warnings")}</dt><dd>
        <ul class="plain">${data.warnings.map((each) => html`<li key=${each}>${each}</li>`)}</ul></dd></div>`}
      ${links && (data.dependsOn.length > 0 || data.requiredBy.length > 0) && html`<div><dt>${t("headline.depends")}</dt><dd>
        <${Neighbours} data=${data} />
        ${data.graph.length > 2 && html`<details class="inline-details"><summary>${t("dependencies.show", { count: data.graph.length })}</summary>
          <${Dependencies} graph=${data.graph} /></details>`}</dd></div>`}
    </dl>
  `;
}

function Neighbours({ data }) {
  const link = (each) => html`<span key=${each.namespace + each.name} class="neighbour">
    <${State} state=${each.state} text=${each.exists ? html`<a
        href=${to.application(each.namespace, each.name)}>${each.name}</a>` : each.name} />
    </span>`;
  return html`${data.dependsOn.map(link)}${data.requiredBy.length > 0 && html`<span
      class="muted">${t("headline.requiredBy")}</span> ${data.requiredBy.map(link)}`}`;
}
