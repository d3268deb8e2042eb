// Seconds left in the window in which a mailing can still be stopped.
function tick() {
  for (const box of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.ceil((new Date(box.dataset.until) - Date.now()) / 1000));
    box.querySelector("[data-left]").textContent = `${left} s`;
  }
}
setInterval(tick, 250);
tick();
