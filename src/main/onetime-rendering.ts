/** What a one-shot needs only once its keys are on their way, to be imported as one. */
export { default as pc } from 'picocolors';
export { colored, plain } from '../render/diff-colors.js';
export { renderOnce } from '../render/onetime.js';
export { terminal } from '../render/terminal.js';
export { renderPorts } from './render-ports.js';
