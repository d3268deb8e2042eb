// The camera of the door. Where the browser reads codes by itself it does so; elsewhere (Safari, Firefox) our own decoder is fetched when the
// camera is first asked for. The door's worker keeps it from the first visit on, so it comes without a network, too.
const PAUSE_MS = 250; // a badge is held still for longer
const REST = 3; // … and three times as long as a look took, so that an old phone stays cool
const SIDE = 720; // pixels of the picture's shorter side: a badge that fills a third of it has six for each square of its code
const GONE_LOOKS = 4; // a code that was out of sight for so long is read anew when it is shown again

export async function readsByItself() {
  const formats = await window.BarcodeDetector?.getSupportedFormats?.().catch(() => []); // some have it, and can read nothing
  return Boolean(formats?.includes("qr_code"));
}

/** What looks at a video once and says the text of a code in it, or "". `decoder` is the address of ours. */
async function reader(decoder) {
  if (await readsByItself()) {
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video))[0]?.rawValue ?? "";
  }
  const { decodeQR } = await import(decoder);
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, SIDE / Math.min(video.videoWidth, video.videoHeight));
    [canvas.width, canvas.height] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    return decodeQR(pen.getImageData(0, 0, canvas.width, canvas.height)); // throws where there is no code
  };
}

/** Why the camera does not open: one of the door's words. A page without https has no cameras. */
function trouble(problem) {
  if (!window.isSecureContext) return "insecure";
  return ["NotAllowedError", "SecurityError"].includes(problem.name) ? "nocamera" : "missing";
}

/** The camera shows itself in `video` until it is closed, or nobody looks at the page; each code that it sees is told once.
 * `onChange(isOpen)`; `onTrouble(word)`, one of "insecure", "nocamera", "missing", "nodecoder". Returns a function that opens or closes it. */
export function camera({ video, decoder, onCode, onChange, onTrouble }) {
  let turn = null; // what is open, or about to be: whoever was closed meanwhile sees another one here

  function close() {
    turn = null;
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    video.hidden = true;
    onChange(false);
  }

  async function open() {
    const mine = (turn = {});
    const fail = (word) => { if (turn === mine) { close(); onTrouble(word); } };
    onChange(true);
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
    } catch (problem) {
      return fail(trouble(problem));
    }
    if (turn !== mine) return stream.getTracks().forEach((track) => track.stop());
    video.srcObject = stream;
    video.hidden = false;
    stream.getVideoTracks()[0].addEventListener("ended", () => fail("missing")); // unplugged, or taken by another program
    const read = await reader(decoder).catch(() => null);
    if (!read) return fail("nodecoder");
    await video.play().catch(() => {});
    if (turn === mine) watch(mine, read);
  }

  async function watch(mine, read) {
    let [last, missed] = ["", 0];
    while (turn === mine) {
      const began = performance.now();
      const text = await read(video).catch(() => "");
      if (turn !== mine) return;
      missed = text ? 0 : missed + 1;
      if (text && text !== last) onCode(text);
      if (text || missed >= GONE_LOOKS) last = text;
      await new Promise((resolve) => setTimeout(resolve, Math.max(PAUSE_MS, REST * (performance.now() - began))));
    }
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden && turn) close(); });
  window.addEventListener("pagehide", () => { if (turn) close(); });
  return () => (turn ? close() : open());
}
