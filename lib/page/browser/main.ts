/** The page: it starts its worker and, when the model is loaded, its two boxes. */
import { Client } from "./client.ts";
import { find, time } from "./dom.ts";
import type { Reply } from "./messages.ts";
import { startTableBox } from "./table_box.ts";
import { patiently } from "./telling.ts";
import { startTextBox } from "./text_box.ts";

const [state, loading] = [find("state"), find<HTMLProgressElement>("loading")];
state.textContent = "Loading the model …";
loading.hidden = false;
const tell = patiently((sentence) => state.textContent = sentence);

const client = new Client((reply: Reply) => {
  if (reply.kind === "loading") {
    const { done, all } = reply;
    loading.value = done / all;
    const isLast = done >= all;
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
    tell(
      isLast ? "Starting the model …" : `Loading the model: ${megabytes(done)} of ${megabytes(all)} MB`,
      isLast,
    );
  } else if (reply.kind === "ready") {
    loading.hidden = true;
    state.textContent = `Ready after ${time(reply.seconds)}. Texts stay on this machine.`;
    document.documentElement.dataset.ready = `${reply.seconds}`;
    startTextBox(client, reply.model);
    startTableBox(client, reply.model);
    for (const control of document.querySelectorAll("fieldset")) control.disabled = false;
    navigator.serviceWorker?.register("service_worker.js").catch(() => {}); // only the next visit needs it
  } else if (reply.kind === "failed") {
    loading.hidden = true;
    state.textContent = reply.message;
    state.classList.add("missing");
  }
});
