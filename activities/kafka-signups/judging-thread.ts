/** What runs in the thread of `judging.ts`. */
import { createMessageJudge, type PartitionFiles } from './message-judge.js';
import type { PackedMessages } from './packed-messages.js';

const judge = createMessageJudge();

export default ({ messages, files }: { messages: PackedMessages; files: PartitionFiles }) => judge(messages, files);
