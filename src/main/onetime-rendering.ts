/** What a one-shot needs only once its keys are on their way, to be imported as one. */
export { renderOnce } from '../render/onetime.js';
export { terminal } from '../render/terminal.js';
export { renderPorts } from './render-ports.js';
