export { byteLength, bytesOf, byteText, compareBytes, hasLoneBytes } from '../../../base/byte-text.js';
