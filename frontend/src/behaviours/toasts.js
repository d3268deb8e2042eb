// Messages from the server: in the page on a full load, by the HX-Trigger event "toast" on a partial one.
import htmx from "htmx.org";

const STAYS_MS = 9000; // time to read it and to reach Undo; it waits while touched

function schedule(toast) {
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), Number(toast.dataset.stays || STAYS_MS)); };
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  if (toast.dataset.stays !== "0") start();
}

function show({ text, level = "success", undo = "", link = "", link_text: linkText = "", new_tab: newTab = false }) {
  const template = document.getElementById(`toast-${level}`) || document.getElementById("toast-success");
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("p").textContent = text;
  const form = toast.querySelector("form");
  if (undo) {
    form.action = undo;
    form.setAttribute("hx-post", undo);
  } else form.remove();
  if (link) {
    const anchor = Object.assign(document.createElement("a"), { href: link, textContent: linkText });
    anchor.className = "text-reset";
    if (newTab) {
      Object.assign(anchor, { target: "_blank", rel: "noopener" });
      toast.dataset.stays = "0"; // until it is done
    }
    toast.querySelector("p").append(" ", anchor);
  }
  const place = document.getElementById("toasts");
  place.append(toast);
  // above an open dialog, which is in the browser's top layer: the last one shown is on top
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover();
  htmx.process(toast);
  schedule(toast);
}

document.addEventListener("toast", (event) => {
  const detail = event.detail?.value ?? event.detail;
  for (const item of Array.isArray(detail) ? detail : [detail]) show(item);
});
document.addEventListener("click", (event) => {
  const toast = event.target.closest(".gs-toast");
  if (toast && event.target.closest("[data-dismiss]")) toast.remove();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) event.target.closest?.(".gs-toast")?.remove();
});
document.querySelectorAll(".gs-toast").forEach(schedule);

function failed(text) {
  show({ text, level: "error" });
}
document.addEventListener("htmx:sendError", () => failed(document.body.dataset.offline));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Trigger")?.includes("toast")) return; // the server has said it
  failed(document.body.dataset.failed);
});
