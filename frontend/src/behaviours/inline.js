// Inline edit: the form that opened has the focus, the text that came back too. Escape puts the text back. The text itself is asked of the server, which is the only one that knows it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.target.closest?.(".gs-edit form")?.querySelector("[data-cancel-edit]")?.click();
});
document.addEventListener("htmx:afterSettle", ({ detail: { elt } }) => {
  if (!elt.matches?.(".gs-edit")) return;
  const field = elt.querySelector("input:not([type=hidden]), select, textarea");
  (field ?? elt.querySelector(".gs-edit-open"))?.focus();
  field?.select?.();
});
