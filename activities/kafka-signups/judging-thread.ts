/** What runs in the threads of `judging.ts`. */
import { createMessageJudge } from './judged-messages.js';

export default createMessageJudge();
