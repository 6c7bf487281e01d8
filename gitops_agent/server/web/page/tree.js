// The lines of a tree of objects: what is folded, what is open, and what a filter leaves. Pure.

const BAD = new Set(["Degraded", "Missing", "Progressing", "Unknown", "Suspended", "Terminating", ""]);
const FEW = 8;

export function objectText({ group, kind, namespace, name }) {
  return `${group ? `${group}/` : ""}${kind} ${namespace ? `${namespace}/` : ""}${name}`;
}

/** The path of an object in addresses; the core group is called so, and no namespace is a dash. */
export function objectPath({ group, kind, namespace, name }) {
  return [group || "core", kind, namespace || "-", name].join("/");
}

function identity({ group, kind, namespace, name }) {
  return [group, kind, namespace, name].join("/");
}

/** Whether an object or one below it is not well, differs, or waits. */
function interesting(node) {
  return BAD.has(node.health) || node.drifted || node.children.some(interesting);
}

function matches(node, filter) {
  const text = `${node.object.kind} ${node.object.namespace}/${node.object.name} ${node.reason} ${node.message} ${node.health}`;
  return text.toLowerCase().includes(filter) || node.children.some((child) => matches(child, filter));
}

/** Visible lines: `{id, level, node}` or `{id, level, fold, count}`, with `expandable`, `open`, `size`, `position`. */
export function treeLines(nodes, { open, filter }) {
  const wanted = filter.trim().toLowerCase();
  const lines = [];
  const walk = (siblings, level, above) => {
    const shown = wanted ? siblings.filter((node) => matches(node, wanted)) : siblings;
    const folds = wanted || shown.length <= FEW && level === 1 && shown.every((node) => !node.past) ? [] : foldable(shown, level);
    const folded = new Set(folds.flatMap(({ nodes: each }) => each));
    const plain = shown.filter((node) => !folded.has(node));
    const size = plain.length + folds.length;
    let position = 0;
    for (const node of plain) {
      const id = `${above}/${identity(node.object)}`;
      const expandable = node.children.length > 0;
      const isOpen = expandable && (open[id] ?? (wanted !== "" || interesting(node)));
      lines.push({ id, level, node, expandable, open: isOpen, size, position: ++position });
      if (isOpen) {
        walk(node.children, level + 1, id);
      }
    }
    for (const { fold, nodes: each } of folds) {
      const id = `${above}/${fold}`;
      const isOpen = open[id] ?? false;
      lines.push({ id, level, fold, count: each.length, expandable: true, open: isOpen, size, position: ++position });
      if (isOpen) {
        each.forEach((node, index) => {
          const below = `${id}/${identity(node.object)}`;
          const expandable = node.children.length > 0;
          const nodeOpen = expandable && (open[below] ?? false);
          lines.push({ id: below, level: level + 1, node, expandable, open: nodeOpen, size: each.length, position: index + 1 });
          if (nodeOpen) {
            walk(node.children, level + 2, below);
          }
        });
      }
    }
  };
  walk(nodes, 1, "");
  return lines;
}

function foldable(nodes, level) {
  const past = nodes.filter((node) => node.past);
  const well = nodes.filter((node) => !node.past && !interesting(node));
  const folds = [];
  if (well.length > (level === 1 ? 1 : FEW)) {
    folds.push({ fold: "healthy", nodes: well });
  }
  if (past.length > 0) {
    folds.push({ fold: "pastVersions", nodes: past });
  }
  return folds;
}

/** What a screen reader has to know of a line. */
export function lineOfTree(line) {
  return {
    "aria-level": line.level,
    "aria-setsize": line.size,
    "aria-posinset": line.position,
    "aria-expanded": line.expandable ? line.open : undefined,
  };
}
