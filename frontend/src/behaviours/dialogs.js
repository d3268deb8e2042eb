// <a href="/x/new/" data-modal> opens that page's form in a dialog; without JavaScript it is a page of its own.
// The server answers a form that is done with HX-Redirect, HX-Refresh or HX-Trigger: closeModal.
import htmx from "htmx.org";

const dialog = () => document.getElementById("modal");

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-modal]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    openModal(link.href, link.dataset.modal);
    return;
  }
  const closer = event.target.closest("[data-close]");
  if (closer?.closest("dialog")) {
    event.preventDefault();
    closer.closest("dialog").close();
  } else if (event.target.matches?.("dialog.gs-modal") && outside(event)) {
    event.target.close();
  }
  const opener = event.target.closest("[data-open]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.open)?.showModal();
  }
});

function outside({ target, clientX: x, clientY: y }) {
  const box = target.getBoundingClientRect();
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}

async function openModal(url, size) {
  const modal = dialog();
  document.documentElement.classList.add("gs-busy");
  modal.classList.toggle("gs-modal-lg", size === "lg");
  await htmx.ajax("GET", url, { target: "#modal", swap: "innerHTML", headers: { "X-Modal": "1" } });
  document.documentElement.classList.remove("gs-busy");
  if (!modal.open && modal.childElementCount) modal.showModal();
  modal.querySelector("[autofocus], input:not([type=hidden]), select, textarea")?.focus();
}

// an answer with mistakes: to the first of them
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id === "modal") target.querySelector("[aria-invalid=true], .gs-form-errors")?.scrollIntoView({ block: "center" });
});
// a form whose answer is a file: the page stays, the dialog has done its work
document.addEventListener("submit", ({ target }) => {
  if (target.matches("[data-download]")) setTimeout(() => dialog()?.close(), 400);
});
// the server has a question about what was just done: HX-Trigger {"openModal": {"url": …}}
document.addEventListener("openModal", ({ detail }) => openModal(detail.url));
document.addEventListener("closeModal", () => dialog()?.close());
document.addEventListener("close", (event) => {
  if (event.target.id === "modal") event.target.replaceChildren();
}, true);
