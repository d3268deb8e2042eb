// The API's documentation: search, copy buttons, curl or Python everywhere at once, and where one is in the list of contents.
import { offerCopying } from "../copying.js";

offerCopying();

// --- search: every word must stand in an operation's name, path or fields
const search = document.querySelector("[data-doc-search]");
const operations = [...document.querySelectorAll("[data-words]")];
const nothing = document.querySelector("[data-doc-nothing]");

function narrow() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const operation of operations) {
    const fits = words.every((word) => operation.dataset.words.includes(word));
    operation.hidden = !fits;
    shown += operation.matches("article") && fits;
  }
  for (const chapter of document.querySelectorAll("[data-chapter]")) {
    chapter.hidden = words.length > 0 && ![...chapter.querySelectorAll("[data-words]")].some((one) => !one.hidden);
  }
  for (const part of document.querySelectorAll("[data-guide]")) part.hidden = words.length > 0;
  nothing.hidden = shown > 0 || words.length === 0;
}

if (search) {
  search.closest("[hidden]")?.removeAttribute("hidden");
  search.addEventListener("input", narrow);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      narrow();
    }
  });
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.closest("[hidden]")) {
      search.value = "";
      narrow();
      target.scrollIntoView();
    }
  });
}

// --- curl or Python: one choice for the page, remembered
function speak(language) {
  document.documentElement.dataset.speaks = language;
  for (const button of document.querySelectorAll("[data-speak]")) {
    button.setAttribute("aria-pressed", String(button.dataset.speak === language));
  }
  try {
    localStorage.setItem("api-docs-language", language);
  } catch {
    // storage is closed to us: the choice lasts for this page
  }
}
let chosen = "curl";
try {
  chosen = localStorage.getItem("api-docs-language") || chosen;
} catch {
  // the same
}
speak(chosen);
addEventListener("click", (event) => {
  const button = event.target.closest("[data-speak]");
  if (button) speak(button.dataset.speak);
});

// --- the contents: beside the text on a wide screen, folded above it on a phone
const contents = document.querySelector(".doc-nav details");
if (contents && matchMedia("(max-width: 800px)").matches) contents.open = false;
contents?.addEventListener("click", (event) => {
  if (event.target.closest("a") && matchMedia("(max-width: 800px)").matches) contents.open = false;
});

// --- where one is
const links = new Map([...document.querySelectorAll(".doc-nav a[href^='#']")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "location");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const id of links.keys()) {
  const target = document.getElementById(id);
  if (target) seen.observe(target);
}
