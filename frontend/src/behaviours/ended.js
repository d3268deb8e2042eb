// A session that ended while somebody typed. Through htmx the page stays, and gets a new token when one has signed in elsewhere.
// A form that left the page is kept in this tab, and put back when one comes to it again from the sign-in page.
const KEY = "typed";
const MOST = 300_000; // characters
const HELD = "input[name]:not([type=hidden],[type=password],[type=file],[type=submit]), textarea[name], select[name]";
const say = (text, level) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, level } }));
const own = (form) => form.getAttribute("action") || "";

// --- through htmx: the page is still there
let hasEnded = false;
// a toast lies outside an open dialog, where nothing can be pressed: its link stands in the dialog, too
function tell(said) {
  hasEnded = true;
  const alerts = document.querySelector("dialog[open] #modal-alerts");
  if (!alerts) return;
  const link = Object.assign(document.createElement("a"), { href: said.link, target: "_blank", rel: "noopener", textContent: said.link_text });
  const words = document.createElement("p");
  words.append(`${said.text} `, link);
  alerts.replaceChildren(words);
}
document.addEventListener("session-ended", (event) => tell(event.detail));
const isTyped = () => [...document.querySelectorAll("form")].filter((form) => form.method === "post").some((form) =>
  [...form.querySelectorAll(HELD)].some((field) => field.matches("input, textarea") && (field.value !== field.defaultValue || field.checked !== field.defaultChecked)));
// a hint while one types, or a choice that is looked up, would leave for the sign-in page
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const said = event.detail.xhr.getResponseHeader("X-Session-Ended");
  if (!said || !isTyped()) return;
  event.preventDefault();
  if (hasEnded) return;
  tell(JSON.parse(said));
  document.dispatchEvent(new CustomEvent("toast", { detail: JSON.parse(said) }));
});
async function refresh() {
  if (!hasEnded || document.hidden) return;
  const answer = await fetch(document.body.dataset.token, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status !== 200) return;
  const { token } = await answer.json();
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((input) => { input.value = token; });
  hasEnded = false;
  document.querySelector("#modal-alerts")?.replaceChildren();
  say(document.body.dataset.again, "success");
}
document.addEventListener("visibilitychange", refresh);
addEventListener("focus", refresh);

// --- a form that leaves the page
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.matches("[data-many]")) return;
  const fields = [...form.querySelectorAll(HELD)].map((field) => [
    field.name, field.type === "checkbox" || field.type === "radio" ? [field.value, field.checked] : field.multiple ? [...field.selectedOptions].map((one) => one.value) : field.value,
  ]);
  const text = JSON.stringify({ page: location.pathname + location.search, action: own(form), fields });
  try {
    if (fields.length && text.length < MOST) sessionStorage.setItem(KEY, text);
  } catch { /* a browser that keeps nothing */ }
});

function putBack(form, fields) {
  const places = [...form.querySelectorAll(HELD)];
  for (const [name, value] of fields) {
    const at = places.findIndex((field) => field.name === name && (!Array.isArray(value) || field.multiple || field.value === value[0]));
    if (at < 0) continue;
    const [field] = places.splice(at, 1);
    if (field.multiple) for (const option of field.options) option.selected = value.includes(option.value);
    else if (Array.isArray(value)) field.checked = value[1];
    else field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

function comeBack() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
  } catch { /* as above */ }
  if (location.hash !== "#typed") return;
  history.replaceState(history.state, "", location.pathname + location.search);
  if (kept?.page !== location.pathname + location.search) return;
  const form = [...document.forms].find((one) => one.method === "post" && own(one) === kept.action && one.querySelector(HELD));
  if (!form) return;
  putBack(form, kept.fields);
  say(document.body.dataset.back, "info");
}
setTimeout(comeBack); // when what shows toasts is there
