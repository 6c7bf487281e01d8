// Dialogs: the browser's own, which keeps the focus inside, gives it back, and closes with Escape.

import { useEffect, useRef } from "../vendor/hooks.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { t } from "./words.js";

export function Dialog({ title, close, children }) {
  const element = useRef(null);
  useEffect(() => {
    element.current.showModal();
  }, []);
  return html`<dialog ref=${element} class="dialog" aria-label=${title} onClose=${close}
      onClick=${(event) => event.target === element.current && close()}>
    <div class="dialog-inside">
      <header class="dialog-head">
        <h2>${title}</h2>
        <button type="button" class="button-icon" aria-label=${t("dialog.close")} onClick=${close}><${Icon} name="close" />
          </button>
      </header>
      ${children}
    </div>
  </dialog>`;
}
