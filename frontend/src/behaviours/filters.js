// The filter bar: clean URLs, counts on the facets' buttons, and a box that narrows long lists of options.
import htmx from "htmx.org";

document.addEventListener("htmx:configRequest", ({ target, detail }) => {
  if (!target.matches?.(".gs-filters")) return;
  for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
  // the order may have been chosen since the bar was rendered
  const sort = new URL(location).searchParams.get("sort");
  if (sort) detail.formData.set("sort", sort);
});

// counts as they are now, each time a facet is opened
document.addEventListener("toggle", ({ target }) => {
  if (target.matches?.(".gs-facet[open]")) htmx.trigger(target.querySelector("[data-facet]"), "facet-opened");
}, true);

document.addEventListener("change", ({ target }) => {
  const facet = target.closest(".gs-facet");
  if (!facet) return;
  const badge = facet.querySelector("summary .gs-n");
  if (!badge) return; // the facet as a page of its own
  badge.textContent = facet.querySelectorAll("input:checked").length;
  badge.hidden = badge.textContent === "0";
});

for (const name of ["input", "change"]) {
  document.addEventListener(name, (event) => {
    if (!event.target.matches("[data-narrow]")) return;
    event.stopPropagation(); // narrowing the options is not filtering the list
    const words = event.target.value.toLowerCase();
    for (const label of event.target.closest("[data-facet]").querySelectorAll("label")) {
      label.hidden = !label.textContent.toLowerCase().includes(words);
    }
  }, true);
}

// what a list holds after it followed the filters, for those who hear the page
document.addEventListener("htmx:afterSettle", ({ detail: { elt } }) => {
  const summary = elt.matches?.(".gs-list") && (elt.querySelector("[data-summary]") ?? elt.querySelector(".gs-empty h2"));
  if (summary) document.getElementById("said").textContent = summary.textContent;
});
