// Which rows stand where: groups of the overview and their order. Pure, so that ten thousand rows are a sort and a walk.

import { STATES, URGENT } from "./states.js";

const RANK = Object.fromEntries(STATES.map((state, index) => [state, index]));

export const GROUPINGS = ["attention", "namespace", "commit", "none"];
export const ORDERS = ["worst", "newest", "name"];

const COMPARE = {
  worst: (a, b) => RANK[a.state] - RANK[b.state] || b.changed - a.changed || compareText(a.key, b.key),
  newest: (a, b) => b.changed - a.changed || compareText(a.key, b.key),
  name: (a, b) => compareText(a.key, b.key),
};

function compareText(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function attention(row) {
  if (URGENT.includes(row.state)) {
    return "needsYou";
  }
  return row.state === "Progressing" ? "inMotion" : row.state === "Paused" ? "paused" : "ready";
}

const ATTENTION = ["needsYou", "inMotion", "paused", "ready"];

const KEY = {
  attention,
  namespace: (row) => row.ns,
  commit: (row) => row.seen,
  none: () => "",
};

let sorted = { order: "", revision: -1, rows: [] };

/** All rows in an order: sorted once for a revision of them, and the same array until then. */
export function ordered(rows, order, revision) {
  if (sorted.order !== order || sorted.revision !== revision) {
    sorted = { order, revision, rows: [...rows.values()].sort(COMPARE[order]) };
  }
  return sorted.rows;
}

/** Groups of sorted rows with the counts of their states, those with the worst row first. */
export function grouped(rows, grouping, order) {
  const groups = new Map();
  for (const row of rows) {
    const key = KEY[grouping](row);
    let group = groups.get(key);
    if (!group) {
      group = { key, rows: [], counts: {}, worst: STATES.length };
      groups.set(key, group);
    }
    group.rows.push(row);
    group.counts[row.state] = (group.counts[row.state] ?? 0) + 1;
    group.worst = Math.min(group.worst, RANK[row.state]);
  }
  const all = [...groups.values()];
  if (grouping === "attention") {
    return all.sort((a, b) => ATTENTION.indexOf(a.key) - ATTENTION.indexOf(b.key));
  }
  if (grouping === "namespace" && order === "worst") {
    return all.sort((a, b) => a.worst - b.worst || compareText(a.key, b.key));
  }
  return all;
}

/** Groups that are closed at first: what is well is not looked at. */
export function closedAtFirst(grouping, key, count) {
  return grouping === "attention" && key === "ready" && count > 30;
}

/** Lines of the list: a head for each group, and the rows of the open ones. */
export function lines(groups, isOpen) {
  const result = [];
  for (const group of groups) {
    if (group.key !== "") {
      result.push({ group });
    }
    if (group.key === "" || isOpen(group)) {
      for (const row of group.rows) {
        result.push({ row });
      }
    }
  }
  return result;
}

/** The newest commits of the rows, each with what became of it: `{commit, subject, author, at, total, counts}`. */
export function latestCommits(rows, most) {
  const commits = new Map();
  for (const row of rows.values()) {
    if (!row.seen || row.changed === 0) {
      continue;
    }
    let entry = commits.get(row.seen);
    if (!entry) {
      entry = { commit: row.seen, subject: row.subject, author: row.author, at: 0, total: 0, counts: {} };
      commits.set(row.seen, entry);
    }
    entry.total++;
    entry.at = Math.max(entry.at, row.changed);
    entry.counts[row.state] = (entry.counts[row.state] ?? 0) + 1;
  }
  return [...commits.values()].sort((a, b) => b.at - a.at).slice(0, most);
}
