// Passkeys (WebAuthn): making one, signing in with one, confirming with one. For the pages that have a form[data-passkey].
//   data-passkey="create" | "get"    the options stand in the JSON element that data-options names
//   data-passkey="sign-in"           the options are fetched from the form's own address when the button is pressed
// Without WebAuthn (an old browser, or plain http on another host than localhost) [data-passkey-off] is shown instead.
const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withIds = (list) => (list ?? []).map((item) => ({ ...item, id: toBytes(item.id) }));

async function create({ publicKey }) {
  const options = {
    ...publicKey,
    challenge: toBytes(publicKey.challenge),
    user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
    excludeCredentials: withIds(publicKey.excludeCredentials),
    // a passkey, not only a second step: the device keeps it and asks for a finger, a face or a PIN
    authenticatorSelection: { ...publicKey.authenticatorSelection, residentKey: "required", requireResidentKey: true, userVerification: "required" },
  };
  const made = await navigator.credentials.create({ publicKey: options });
  const { response } = made;
  return answer(made, {
    clientDataJSON: toText(response.clientDataJSON), attestationObject: toText(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
}

async function get({ publicKey }) {
  const options = { ...publicKey, challenge: toBytes(publicKey.challenge), allowCredentials: withIds(publicKey.allowCredentials) };
  const used = await navigator.credentials.get({ publicKey: options });
  const { response } = used;
  return answer(used, {
    clientDataJSON: toText(response.clientDataJSON), authenticatorData: toText(response.authenticatorData),
    signature: toText(response.signature), userHandle: response.userHandle ? toText(response.userHandle) : null,
  });
}

const answer = (credential, response) => ({
  id: credential.id, rawId: toText(credential.rawId), type: credential.type, response,
  authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
  clientExtensionResults: credential.getClientExtensionResults(),
});

async function options(form) {
  if (form.dataset.passkey !== "sign-in") return JSON.parse(document.getElementById(form.dataset.options).textContent);
  const response = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${response.status}`);
  return (await response.json()).request_options;
}

async function run(form, button) {
  const says = form.querySelector("[data-passkey-error]");
  const say = (text) => { says.textContent = text; says.hidden = !text; };
  say("");
  button.disabled = true;
  try {
    const credential = await (form.dataset.passkey === "create" ? create : get)(await options(form));
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    button.disabled = false;
    const { cancelled, known, failed } = says.dataset;
    say({ NotAllowedError: cancelled, AbortError: cancelled, InvalidStateError: known ?? failed }[error.name] ?? failed);
  }
}

const works = window.isSecureContext && "credentials" in navigator && "PublicKeyCredential" in window;
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  button.disabled = false;
  button.addEventListener("click", (event) => { event.preventDefault(); run(form, button); });
  form.hidden = !works;
}
for (const words of document.querySelectorAll("[data-passkey-off]")) words.hidden = works;
