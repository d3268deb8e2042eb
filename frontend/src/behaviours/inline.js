// Inline edit: Escape puts the text back. The text itself is asked of the server, which is the only one that knows it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.target.closest?.(".gs-edit form")?.querySelector("[data-cancel-edit]")?.click();
});
