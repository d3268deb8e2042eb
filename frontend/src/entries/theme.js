// Chooses light or dark before the first paint: the person's choice, else the system's.
const dark = matchMedia("(prefers-color-scheme: dark)");

function apply() {
  let choice = null;
  try {
    choice = localStorage.getItem("theme");
  } catch {
    // storage is closed to us: the system decides
  }
  document.documentElement.dataset.bsTheme = choice || (dark.matches ? "dark" : "light");
}

apply();
dark.addEventListener("change", apply);
addEventListener("storage", apply);
