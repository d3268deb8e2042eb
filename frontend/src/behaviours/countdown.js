// Seconds left in the window in which a mailing can still be stopped.
function tick() {
  for (const box of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.ceil((new Date(box.dataset.until) - Date.now()) / 1000));
    box.querySelector("[data-left]").textContent = `${left} s`;
  }
}
setInterval(tick, 250);
tick();
// The next step of a mailing asks for itself; not while somebody is about to press something in an open menu.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "next" && event.target.querySelector("details[open]")) event.preventDefault();
});
