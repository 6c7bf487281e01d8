// The overview: everything a viewer may see, what needs a person first.

import { useSignal } from "../vendor/signals.js";
import { useEffect, useRef } from "../vendor/hooks.js";
import { allRows, loaded, loadApplications, problem, revision, total } from "./applications.js";
import { Ago } from "./clock.js";
import { shortHash } from "./commit.js";
import { GROUPINGS, ORDERS, closedAtFirst, grouped, latestCommits, lines, ordered } from "./grouping.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { useKeys } from "./keys.js";
import { later } from "./later.js";
import { personName, Prose } from "./prose.js";
import { Empty, RefusalView, Waiting } from "./refusal_view.js";
import { go, route, setQuery, to } from "./router.js";
import { matching, strictest, toggled } from "./search.js";
import { may, me } from "./session.js";
import { StateBar } from "./state_bar.js";
import { STATES, State, shapeOf, word } from "./states.js";
import { VirtualList, narrow, reveal } from "./virtual_list.js";
import { number, t } from "./words.js";

const ShareDialog = later("ShareDialog");
const NoApplications = later("NoApplications");
const NoRights = later("NoRights");

const HEIGHT = 36;
const NARROW_HEIGHT = 76;
const wide = () => HEIGHT;
const tall = (item) => (item.row ? NARROW_HEIGHT : HEIGHT);
const LATELY = 3;

export function Overview() {
  const query = route.value.query.q ?? "";
  const grouping = GROUPINGS.includes(route.value.query.group) ? route.value.query.group : "attention";
  const order = ORDERS.includes(route.value.query.sort) ? route.value.query.sort : "worst";
  const title = html`<h1 class="sr-only">${t("overview.title")}</h1>`;
  if (loaded.value === "empty") {
    return html`${title}${problem.value ? html`<${Problem} refusal=${problem.value} />` : html`<${Waiting} lines=${12} />`}`;
  }
  const rows = allRows();
  return html`${title}
    ${problem.value && html`<${RefusalView} refusal=${problem.value} retry=${loadApplications} />`}
    <${Summary} query=${query} />
    ${rows.size === 0 && loaded.value === "complete"
      ? html`<${NoApplications} />`
      : html`<${List} query=${query} grouping=${grouping} order=${order} />`}
    ${!query && html`<${Lately} />`}
  `;
}

function Summary({ query }) {
  const rows = allRows();
  const counts = {};
  for (const row of rows.values()) {
    counts[row.state] = (counts[row.state] ?? 0) + 1;
  }
  const shown = STATES.filter((state) => counts[state]);
  return html`<section class="summary" aria-label=${t("overview.states")}>
    <div class="chips">
      ${shown.map((state) => {
        const token = `state:${state.toLowerCase()}`;
        return html`<button key=${state} type="button" class="chip" aria-pressed=${query.split(" ").includes(token)}
            onClick=${() => setQuery({ q: toggled(query, token) })}>
          <${State} state=${state} text=${html`<b>${number(counts[state])}</b> ${word(state)}`} />
        </button>`;
      })}
    </div>
    <${StateBar} counts=${shown.map((state) => [shapeOf(state), counts[state]])} total=${rows.size} />
  </section>`;
}

function List({ query, grouping, order }) {
  const rows = allRows();
  const toggledGroups = useSignal({});
  const selected = useSignal(-1);
  const sharing = useSignal(false);
  const box = useRef(null);
  const groups = grouped(matching(ordered(rows, order, revision.value), query), grouping, order);
  const isOpen = (group) => toggledGroups.value[`${grouping}:${group.key}`] ?? !(closedAtFirst(grouping, group.key, group.rows.length) && !query);
  const toggle = (group) => {
    toggledGroups.value = { ...toggledGroups.value, [`${grouping}:${group.key}`]: !isOpen(group) };
  };
  const items = lines(groups, isOpen);
  const height = narrow.value ? tall : wide;
  const current = items[Math.min(selected.value, items.length - 1)];
  const move = (step) => {
    const next = Math.max(0, Math.min(items.length - 1, selected.value + step));
    selected.value = next;
    reveal(box.current.querySelector(".virtual"), items, height, next);
  };
  useFocus(box, selected, items);
  const withRow = (action) => () => current?.row && action(current.row);
  const openCurrent = () => (current?.row ? go(to.application(current.row.ns, current.row.name)) : current && toggle(current.group));
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Home: () => move(-items.length),
    End: () => move(items.length),
    Enter: openCurrent,
    d: withRow((row) => go(to.application(row.ns, row.name, "plan"))),
    a: withRow((row) => row.held && go(to.plan(row.ns, row.name, row.held))),
  });
  const count = groups.reduce((sum, group) => sum + group.rows.length, 0);
  return html`<section ref=${box} class="list" aria-label=${t("overview.applications")}>
    <div class="list-head">
      <span class="muted" role="status">${countText(count, rows.size)}</span>
      <span class="grow"></span>
      ${query && may("share") && html`<button type="button" class="button" onClick=${() => (sharing.value = true)}>${t("share.button")}</button>`}
      ${sharing.value && html`<${ShareDialog} what=${{ filter: query }} close=${() => (sharing.value = false)} />`}
      <${Choice} name="group" label=${t("overview.group")} value=${grouping} values=${GROUPINGS} first="attention"
          word=${(each) => t(`group.${each}`)} />
      <${Choice} name="sort" label=${t("overview.sort")} value=${order} values=${ORDERS} first="worst"
          word=${(each) => t(`sort.${each}`)} />
    </div>
    ${items.length === 0
      ? html`<${NoMatch} query=${query} rows=${ordered(rows, order, revision.value)} />`
      : html`<${VirtualList} items=${items} height=${height} role="treegrid" aria-label=${t("overview.applications")}
          aria-rowcount=${items.length}
          line=${(item, index) => item.group
            ? html`<${GroupHead} key=${`group ${item.group.key}`} group=${item.group} grouping=${grouping} index=${index}
                open=${isOpen(item.group)} toggle=${() => toggle(item.group)} active=${index === selected.value} />`
            : html`<${Row} key=${item.row.key} row=${item.row} index=${index} active=${index === selected.value}
                pick=${() => (selected.value = index)} />`} />`}
  </section>`;
}

// The focus follows the selection once it was moved by keys, so a screen reader reads the row.
function useFocus(box, selected, items) {
  const index = selected.value;
  useEffect(() => {
    const element = index >= 0 && box.current?.querySelector(`[aria-rowindex="${index + 1}"]`);
    if (element && document.activeElement !== element) {
      element.focus({ preventScroll: true });
    }
  }, [index, items.length]);
}

function countText(count, known) {
  if (loaded.value === "partial") {
    return t("overview.partial", { count: known, total: total.value });
  }
  return count === known ? t("overview.count", { count: count }) : t("overview.filtered", { count: count, total: known });
}

function Choice({ name, label, value, values, first, word: text }) {
  const change = (event) => setQuery({ [name]: event.currentTarget.value === first ? "" : event.currentTarget.value });
  return html`<label class="choice"><span>${label}</span><select value=${value} onChange=${change}>
    ${values.map((each) => html`<option key=${each} value=${each}>${text(each)}</option>`)}
  </select></label>`;
}

function GroupHead({ group, grouping, index, open, toggle, active }) {
  const label = grouping === "attention" ? t(`group.is.${group.key}`) : grouping === "commit" ? shortHash(group.key) || t("group.noCommit") : group.key;
  const counts = STATES.filter((state) => group.counts[state]);
  const subject = grouping === "commit" ? group.rows[0].subject : "";
  return html`<div class="line group" role="row" aria-rowindex=${index + 1} aria-level="1" aria-expanded=${open}
      tabindex=${active ? 0 : -1} onClick=${toggle}>
    <div class="group-cell" role="gridcell" aria-colspan="5">
      <span class=${open ? "turn turn-open" : "turn"}><${Icon} name="chevron" /></span>
      <strong>${label}</strong> ${subject && html`<span class="commit-subject">${subject}</span>`}<span
          class="muted">${number(group.rows.length)}</span>
      ${grouping !== "attention" && html`<span class="group-counts">${counts.map((state) => html`<${State} key=${state}
          state=${state} text=${number(group.counts[state])} quiet />`)}</span>`}
    </div>
  </div>`;
}

function Row({ row, index, active, pick }) {
  const address = to.application(row.ns, row.name);
  const open = (event) => {
    pick();
    if (!event.target.closest("a") && !getSelection().toString()) {
      go(address);
    }
  };
  return html`<div class=${`line row row-${shapeOf(row.state)}`} role="row" aria-level="2" aria-rowindex=${index + 1}
      tabindex=${active ? 0 : -1} onClick=${open}>
    <div class="cell-state" role="gridcell"><${State} state=${row.state} /></div>
    <div class="cell-name" role="gridcell"><a href=${address} tabindex="-1"><span class="muted">${row.ns}/</span>${row.name}</a>
      </div>
    <div class="cell-message" role="gridcell" title=${row.message}>${reason(row)}<${Prose} text=${row.message} /></div>
    <div class="cell-since" role="gridcell"><${Ago} at=${row.changedAt} bare /></div>
    <div class="cell-commit" role="gridcell">${row.held
      ? html`<a href=${to.plan(row.ns, row.name, row.held)}
          tabindex="-1">${t("overview.review", { plan: row.held.slice(0, 8) })}</a>`
      : html`<code>${shortHash(row.seen)}</code> <span class="commit-subject">${row.subject}</span>${row.author && html`<span
          class="muted"> · ${personName(row.author)}</span>`}`}</div>
  </div>`;
}

// The state stands in the first column; a code that says more is worth its place.
function reason(row) {
  return row.reason && row.reason !== row.state && row.state !== "Healthy" ? html`<span
      class="reason-inline">${row.reason}</span> ` : null;
}

function Lately() {
  const commits = latestCommits(allRows(), LATELY);
  return commits.length > 0 && html`<section class="lately" aria-label=${t("overview.lately")}>
    <h2>${t("overview.lately")}</h2>
    <ul class="plain">${commits.map((each) => html`<li key=${each.commit}>
      <a href=${to.overview(`commit:${each.commit}`)}><code>${shortHash(each.commit)}</code></a>
      <q class="commit-subject">${each.subject}</q>
      <span class="muted">${personName(each.author)} · <${Ago} at=${new Date(each.at).toISOString()} /></span>
      <span class="lately-counts">${STATES.filter((state) => each.counts[state]).map((state) => html`<${State} key=${state}
          state=${state} quiet text=${`${number(each.counts[state])} ${word(state)}`} />`)}</span>
    </li>`)}</ul>
  </section>`;
}

function NoMatch({ query, rows }) {
  const token = strictest(rows, query);
  return html`<${Empty} title=${t("overview.noMatch", { query })}>
    ${token && token.count > 0 && html`<p>
      <button type="button" class="button"
          onClick=${() => setQuery({ q: toggled(query, token.text) })}>${t("overview.without", { token: token.text, count: token.count })}</button>
      </p>`}
    <p>
      <button type="button" class="button"
          onClick=${() => setQuery({ q: "" })}>${t("overview.all", { count: rows.length })}</button>
      </p>
  <//>`;
}

function Problem({ refusal }) {
  return refusal.status === 403 && me.value?.rights.length ? html`<${NoRights} />` : html`<${RefusalView} refusal=${refusal}
      retry=${loadApplications} />`;
}
