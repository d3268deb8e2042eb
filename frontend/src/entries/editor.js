// The mailing editor: a rich-text body with merge fields as chips, saving without leaving the page, a live preview.
// Without this file the body is a textarea and everything else is a plain form.
import { Editor, Node, mergeAttributes } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import Link from "@tiptap/extension-link";

const PREVIEW_AFTER = 700; // milliseconds without a key
const TAG = /\{\{\s*([^{}]+?)\s*\}\}/g;

// A field is one piece that cannot be half deleted. Stored, it is plain {{ text }}.
const Field = Node.create({
  name: "field", group: "inline", inline: true, atom: true, selectable: true,
  addAttributes: () => ({ tag: { default: "" } }),
  parseHTML: () => [{ tag: "span[data-tag]", getAttrs: (element) => ({ tag: element.dataset.tag }) }],
  renderHTML: ({ node, HTMLAttributes }) =>
    ["span", mergeAttributes({ class: "gs-field-chip", "data-tag": node.attrs.tag }), label(node.attrs.tag)],
  renderText: ({ node }) => `{{ ${node.attrs.tag} }}`,
});

// A link may look like a button.
const ButtonLink = Link.extend({
  addAttributes() {
    return { href: { default: null }, class: { default: null, parseHTML: (e) => (e.classList.contains("button") ? "button" : null) } };
  },
});

// A picture of ours: its words are asked for with it.
const Picture = Node.create({
  name: "picture", group: "inline", inline: true, draggable: true,
  addAttributes: () => ({ src: { default: null }, alt: { default: "" }, width: { default: null } }),
  parseHTML: () => [{ tag: "img[src]" }],
  renderHTML: ({ HTMLAttributes }) => ["img", HTMLAttributes],
  renderText: ({ node }) => node.attrs.alt,
});

const label = (tag) => tag.split("|")[0].trim();

/** {{ … }} in text becomes a chip; in attributes (a link's address) it stays as it is. */
function withChips(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.data.includes("{{")) texts.push(walker.currentNode);
  for (const text of texts) {
    const pieces = page.createDocumentFragment();
    let end = 0;
    for (const found of text.data.matchAll(TAG)) {
      pieces.append(text.data.slice(end, found.index));
      const chip = page.createElement("span");
      chip.dataset.tag = found[1];
      pieces.append(chip);
      end = found.index + found[0].length;
    }
    pieces.append(text.data.slice(end));
    text.replaceWith(pieces);
  }
  return page.body.innerHTML;
}

function withoutChips(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const chip of page.body.querySelectorAll("span[data-tag]")) chip.replaceWith(`{{ ${chip.dataset.tag} }}`);
  return page.body.innerHTML === "<p></p>" ? "" : page.body.innerHTML;
}

function start() {
  const form = document.getElementById("editor");
  if (!form) return;
  const source = form.querySelector("[name=body_html]");
  const rich = form.querySelector("[data-rich]");
  let lastInput = null;
  let timer = 0;
  let dirty = false;

  const editor = new Editor({
    element: rich,
    injectCSS: false,
    extensions: [
      StarterKit.configure({ link: false, codeBlock: false, heading: { levels: [1, 2, 3] } }),
      ButtonLink.configure({ openOnClick: false, autolink: false, HTMLAttributes: { rel: null, target: null } }),
      Field,
      Picture,
    ],
    content: withChips(source.value),
    editorProps: { attributes: { class: "gs-rich-text", role: "textbox", "aria-multiline": "true", "aria-label": rich.dataset.label } },
    onUpdate: () => { source.value = withoutChips(editor.getHTML()); changed(); },
    onSelectionUpdate: () => showState(),
    onFocus: () => { lastInput = null; },
    onTransaction: () => showState(),
  });
  rich.hidden = false;
  form.querySelector("[data-source]").hidden = true;
  const tools = form.querySelector("[data-tools]");
  tools.hidden = false;

  const commands = {
    bold: (chain) => chain.toggleBold(), italic: (chain) => chain.toggleItalic(), h2: (chain) => chain.toggleHeading({ level: 2 }),
    bullets: (chain) => chain.toggleBulletList(), numbers: (chain) => chain.toggleOrderedList(), quote: (chain) => chain.toggleBlockquote(),
    rule: (chain) => chain.setHorizontalRule(), undo: (chain) => chain.undo(), redo: (chain) => chain.redo(),
  };
  const active = {
    bold: ["bold"], italic: ["italic"], h2: ["heading", { level: 2 }], bullets: ["bulletList"], numbers: ["orderedList"],
    quote: ["blockquote"], link: ["link", { class: null }], button: ["link", { class: "button" }],
  };
  function showState() {
    for (const button of tools.querySelectorAll("[data-cmd]")) {
      const about = active[button.dataset.cmd];
      if (about) button.setAttribute("aria-pressed", String(editor.isActive(...about)));
    }
  }

  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-cmd]");
    if (button) {
      const command = commands[button.dataset.cmd];
      if (command) command(editor.chain().focus()).run();
      else if (button.dataset.cmd === "picture") askForPicture();
      else askForLink(button.dataset.cmd === "button");
    }
    const field = event.target.closest("[data-field]");
    if (field) {
      insertField(field.dataset.field);
      field.closest("details").open = false;
    }
  });
  for (const input of form.querySelectorAll("[name=subject], [name=preheader], [name=text]")) {
    input.addEventListener("focus", () => { lastInput = input; });
    input.addEventListener("input", changed);
  }
  form.addEventListener("change", changed);

  function insertField(path) {
    if (!lastInput) {
      editor.chain().focus().insertContent({ type: "field", attrs: { tag: path } }).run();
      return;
    }
    lastInput.setRangeText(`{{ ${path} }}`, lastInput.selectionStart, lastInput.selectionEnd, "end");
    lastInput.focus();
    changed();
  }

  // --- one small dialog for a link, a button and a field's stand-in
  const dialog = document.getElementById("ask");
  function ask(kind, shown, values) {
    dialog.querySelector("[data-ask-title]").textContent = dialog.querySelector("[data-ask-title]").dataset[kind];
    for (const row of dialog.querySelectorAll("[data-for]")) {
      row.hidden = !shown.includes(row.dataset.for);
      row.querySelector("input").required = kind === "picture" && !row.hidden;
    }
    for (const [name, value] of Object.entries(values)) dialog.querySelector(`#ask-${name}`).value = value;
    dialog.querySelector("[data-remove]").hidden = kind === "field" || kind === "picture" || !editor.isActive("link");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
  }
  async function askForLink(isButton) {
    if (editor.isActive("link")) editor.chain().focus().extendMarkRange("link").run();
    const { from, to } = editor.state.selection;
    const words = editor.state.doc.textBetween(from, to, " ");
    const answer = await ask(isButton ? "button" : "link", ["label", "address"], { label: words, address: editor.getAttributes("link").href || "" });
    const address = dialog.querySelector("#ask-address").value.trim();
    if (answer === "remove" || (answer === "ok" && !address)) editor.chain().focus().extendMarkRange("link").unsetLink().run();
    else if (answer === "ok") {
      const text = dialog.querySelector("#ask-label").value.trim() || address;
      const href = /^[a-z]+:|^\{\{/i.test(address) ? address : `https://${address}`;
      editor.chain().focus().insertContent({ type: "text", text, marks: [{ type: "link", attrs: { href, class: isButton ? "button" : null } }] }).run();
    }
  }
  const say = (text) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, level: "error" } }));
  async function askForPicture() {
    if ((await ask("picture", ["file", "alt"], { file: "", alt: "" })) !== "ok") return;
    const body = new FormData();
    body.append("file", dialog.querySelector("#ask-file").files[0]);
    body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    const alt = dialog.querySelector("#ask-alt").value.trim();
    try {
      const answer = await fetch(rich.dataset.pictures, { method: "POST", body });
      const { src, width, message } = await answer.json();
      if (answer.ok) editor.chain().focus().insertContent({ type: "picture", attrs: { src, width: String(width), alt } }).run();
      else say(message);
    } catch {
      say(document.body.dataset.offline);
    }
  }
  rich.addEventListener("dblclick", async (event) => {
    if (event.target.tagName !== "IMG") return;
    const at = editor.view.posAtDOM(event.target, 0);
    const node = editor.state.doc.nodeAt(at);
    if (node?.type.name !== "picture") return;
    if ((await ask("picture", ["alt"], { alt: node.attrs.alt })) !== "ok") return;
    const alt = dialog.querySelector("#ask-alt").value.trim();
    editor.view.dispatch(editor.state.tr.setNodeMarkup(at, null, { ...node.attrs, alt }));
  });
  rich.addEventListener("click", async (event) => {
    const chip = event.target.closest(".gs-field-chip");
    if (!chip) return;
    const position = editor.view.posAtDOM(chip, 0);
    const tag = chip.dataset.tag;
    const answer = await ask("field", ["fallback"], { fallback: /default\(["“](.*?)["”]\)/.exec(tag)?.[1] ?? "" });
    if (answer !== "ok") return;
    const words = dialog.querySelector("#ask-fallback").value.replaceAll('"', "").trim();
    const next = label(tag) + (words ? ` | default("${words}")` : "");
    const at = editor.state.doc.nodeAt(position)?.type.name === "field" ? position : position - 1;
    if (editor.state.doc.nodeAt(at)?.type.name !== "field") return;
    editor.view.dispatch(editor.state.tr.setNodeMarkup(at, null, { tag: next }));
  });

  // --- preview
  const previewer = document.querySelector("[data-previewer]");
  const refresh = previewer.querySelector("[data-preview]");
  function changed() {
    dirty = true;
    document.querySelector("[data-saved]").textContent = form.dataset.unsaved;
    clearTimeout(timer);
    timer = setTimeout(showPreview, PREVIEW_AFTER);
  }
  function showPreview() {
    previewing = true;
    form.requestSubmit(refresh);
  }
  let previewing = false;
  previewer.querySelector("#preview-as").addEventListener("change", showPreview);
  previewer.addEventListener("click", (event) => {
    const button = event.target.closest("[data-width]");
    if (!button) return;
    previewer.classList.toggle("narrow", button.dataset.width === "narrow");
    for (const other of previewer.querySelectorAll("[data-width]")) {
      other.classList.toggle("active", other === button);
      other.setAttribute("aria-pressed", String(other === button));
    }
  });

  // --- saving without leaving the page
  form.addEventListener("submit", async (event) => {
    if (previewing || event.submitter === refresh) {
      previewing = false;
      return;
    }
    event.preventDefault();
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Editor": "1" } });
    } catch {
      document.dispatchEvent(new CustomEvent("toast", { detail: { text: document.body.dataset.offline, level: "error" } }));
      return;
    }
    if (answer.headers.get("Content-Type")?.includes("json")) {
      const { version, message, text } = await answer.json();
      form.querySelector("[name=version]").value = version;
      if (!form.querySelector("[name=is_text_own]").checked) form.querySelector("[name=text]").value = text;
      document.querySelector("[data-saved]").textContent = message;
      dirty = false;
      for (const old of document.querySelectorAll("#editor-page > .gs-note.c-bad, #editor-page > [role=alert]")) old.remove();
      return;
    }
    // refused, or somebody else saved: the same page with what was typed and what to do
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("editor-page");
    if (!fresh) {
      window.location.reload();
      return;
    }
    clearTimeout(timer);
    editor.destroy();
    document.getElementById("editor-page").replaceWith(fresh);
    window.htmx?.process(fresh);
    start();
    scrollTo({ top: 0, behavior: "smooth" });
  });
  const controller = new AbortController();
  editor.on("destroy", () => controller.abort());
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      form.requestSubmit();
    }
  }, { signal: controller.signal });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); }, { signal: controller.signal });

  // the text part is made from the body unless one writes it oneself
  const own = form.querySelector("[name=is_text_own]");
  const text = form.querySelector("[name=text]");
  const follow = () => { text.readOnly = !own.checked; };
  own.addEventListener("change", follow);
  follow();
  // the page came back with what was typed: the frame still shows what is stored
  if (document.querySelector("#editor-page [role=alert]")) showPreview();
}

start();
