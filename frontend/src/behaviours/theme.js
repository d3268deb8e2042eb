// The button that switches light and dark, and keeps the choice.
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
  document.documentElement.dataset.bsTheme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // not kept; it still holds for this page
  }
  document.dispatchEvent(new CustomEvent("gs:theme"));
});
