// Small helps for forms: one submit at a time, file names in drop zones, filters that apply themselves.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-many]") || event.defaultPrevented) return;
  // after the browser has read the form: a disabled button would not be sent
  setTimeout(() => form.querySelectorAll("button:not([type=button])").forEach((button) => { button.disabled = true; }));
});
// coming back by the back button, buttons work again
addEventListener("pageshow", () => document.querySelectorAll("form button:disabled:not([data-off])").forEach((button) => { button.disabled = false; }));

document.addEventListener("change", (event) => {
  const zone = event.target.closest(".gs-drop");
  if (zone && event.target.files?.length) zone.querySelector("[data-file-name]").textContent = event.target.files[0].name;
});
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => {
    const zone = event.target.closest?.(".gs-drop");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("over", over);
    if (name === "drop") {
      const input = zone.querySelector("input[type=file]");
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}
document.addEventListener("click", (event) => {
  const copier = event.target.closest("[data-copy]");
  if (copier) navigator.clipboard?.writeText(copier.dataset.copy).then(() => { copier.dataset.copied = "1"; });
});
