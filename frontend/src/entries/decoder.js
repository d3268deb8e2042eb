// Reads QR codes where the browser does not by itself. The door alone asks for it, when its camera is opened.
export { decodeQR } from "qr/decode.js";
