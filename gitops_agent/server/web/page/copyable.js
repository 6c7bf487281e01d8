// Commands and hashes to take along.

import { html } from "./html.js";
import { Icon } from "./icon.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copy.done", { text: text.length > 60 ? `${text.slice(0, 59)}…` : text }));
  } catch {
    toast(t("copy.failed"), { failed: true });
  }
}

function CopyButton({ text, name }) {
  return html`<button type="button" class="button-icon copy" aria-label=${t("copy.name", { name: name ?? text })}
      onClick=${() => copy(text)}>
    <${Icon} name="copy" />
  </button>`;
}

export function Command({ text }) {
  return html`<span class="command"><code>${text}</code><${CopyButton} text=${text} /></span>`;
}

/** A block of text to copy, such as an RBAC rule. */
export function Block({ text, name }) {
  return html`<div class="block"><pre tabindex="0" aria-label=${name}>${text}</pre><${CopyButton} text=${text} name=${name} />
    </div>`;
}
