/** What runs in the threads of `judging.ts`. */
export { judgeMessages as default } from './judged-messages.js';
