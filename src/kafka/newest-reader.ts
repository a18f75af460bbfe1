import kafkajs, { type PartitionAssigner } from 'kafkajs';

const { AssignerProtocol } = kafkajs;
const VERSION = 0;

/**
 * Gives all partitions to the member with the highest number. Two attempts of one step can live at the same time, when the first
 * one has only lost its connection to Temporal: they must not share the partitions, and the older one must learn that it is not
 * wanted any more.
 */
export function newestReader(reader: number): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'millrace-newest-reader',
    version: VERSION,
    protocol({ topics }) {
      return { name: this.name, metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.from(String(reader)) }) };
    },
    assign({ members, topics }) {
      const numbered = members.map(({ memberId, memberMetadata }) => ({ memberId, number: numberOf(memberMetadata) }));
      const newest = numbered.reduce((best, member) => (member.number > best.number ? member : best));
      const everything = Object.fromEntries(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]));
      return Promise.resolve(
        numbered.map(({ memberId }) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: VERSION, assignment: memberId === newest.memberId ? everything : {}, userData: Buffer.alloc(0) }),
        })),
      );
    },
  });
}

function numberOf(metadata: Buffer): number {
  return Number(AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString());
}
